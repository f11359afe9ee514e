/**
 * SQL that adds events up by the hour: in `usage_hour`, which reports read and which holds all events, and in
 * `rolled_usage`, which holds those that are no more. Sums saturate at 2^53 - 1.
 */
const keys = 'hour_ms, bottle_id, agent, provider, model, source, chain_id'
const sums = [
  'exchanges',
  'input_tokens',
  'cache_write_tokens',
  'cache_write_1h_tokens',
  'cache_read_tokens',
  'output_tokens',
  'reasoning_tokens',
  'charge_tokens',
] as const

const saturated = (sum: string) => `min(${sum}, 9007199254740991)`
const total = (column: string) => saturated(`CAST(total(${column}) AS INTEGER)`)

const addToKept = sums.map((sum) => `${sum} = ${saturated(`${sum} + excluded.${sum}`)}`).join(', ')

/**
 * When a row of `usage_hour` changed: other hosts that share the ledger are told what is newer than what they know. While this
 * host shares with nobody it is 0, which `usage_hour_untold` leaves out: every settlement writes a page less.
 */
const nowMs = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
export const setChanged = `changed_ms = max(changed_ms + 1, ${nowMs})`

/** Adds one event: the hour, bottle, agent, provider, model, source and chain, then the tokens of each class and the charge. */
export function addToHour({ isShared }: { readonly isShared: boolean }): string {
  return `
    INSERT INTO usage_hour (${keys}, ${sums.join(', ')}, changed_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ${isShared ? nowMs : 0})
    ON CONFLICT DO UPDATE SET ${addToKept}, ${isShared ? setChanged : 'changed_ms = 0'}`
}

/** What changed while this host shared with nobody is to be told. */
export const setUnsharedChanged = `UPDATE usage_hour SET changed_ms = max(told_ms + 1, ${nowMs}) WHERE changed_ms = 0`

/** Adds all events that meet a condition. */
export function addEventsToHours(table: 'usage_hour' | 'rolled_usage', condition: string): string {
  const isKept = table === 'usage_hour'
  return `
    INSERT INTO ${table} (${keys}, ${sums.join(', ')}${isKept ? ', changed_ms' : ''})
    SELECT settled_at_ms / 3600000 * 3600000, bottle_id, agent, provider, coalesce(model, ''), source, chain_id, count(*),
      ${total('input_tokens')},
      ${saturated(`CAST(total(cache_write_5m_tokens) + total(cache_write_1h_tokens) AS INTEGER)`)},
      ${['cache_write_1h_tokens', 'cache_read_tokens', 'output_tokens', 'reasoning_tokens', 'charge_tokens'].map(total).join(', ')}
      ${isKept ? `, ${nowMs}` : ''}
    FROM charged_event WHERE ${condition} GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT DO UPDATE SET ${addToKept}${isKept ? `, ${setChanged}` : ''}`
}

/** After all of `usage_hour` was made anew. */
export const setAllChanged = `UPDATE usage_hour SET ${setChanged}`

export const copyRolledToHours = `
  INSERT INTO usage_hour (${keys}, ${sums.join(', ')}) SELECT ${keys}, ${sums.join(', ')} FROM rolled_usage`

/** Not 0, which is for rows that nobody was ever told of. */
export const setUntold = 'UPDATE usage_hour SET told_ms = -1'

/**
 * Adds what the hours of `kept` (a table like `usage_hour`) say beyond those of `usage_hour`: exchanges whose events are lost.
 */
export function addHoursBeyond(table: 'usage_hour' | 'rolled_usage', kept: string): string {
  const beyond = sums.map((sum) => `max(0, coalesce(${kept}.${sum}, 0) - coalesce(now.${sum}, 0))`).join(', ')
  const sameKeys = keys
    .split(', ')
    .map((key) => `now.${key} = ${kept}.${key}`)
    .join(' AND ')
  return `
    INSERT INTO ${table} (${keys}, ${sums.join(', ')})
    SELECT ${keys
      .split(', ')
      .map((key) => `${kept}.${key}`)
      .join(', ')}, ${beyond}
    FROM ${kept} LEFT JOIN usage_hour AS now ON ${sameKeys}
    WHERE ${kept}.exchanges > coalesce(now.exchanges, 0)
    ON CONFLICT DO UPDATE SET ${addToKept}`
}
