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

/** Adds one event: the hour, bottle, agent, provider, model, source and chain, then the tokens of each class and the charge. */
export const addToHour = `
  INSERT INTO usage_hour (${keys}, ${sums.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET ${addToKept}`

/** Adds all events that meet a condition. */
export function addEventsToHours(table: 'usage_hour' | 'rolled_usage', condition: string): string {
  return `
    INSERT INTO ${table} (${keys}, ${sums.join(', ')})
    SELECT settled_at_ms / 3600000 * 3600000, bottle_id, agent, provider, coalesce(model, ''), source, chain_id, count(*),
      ${total('input_tokens')},
      ${saturated(`CAST(total(cache_write_5m_tokens) + total(cache_write_1h_tokens) AS INTEGER)`)},
      ${['cache_write_1h_tokens', 'cache_read_tokens', 'output_tokens', 'reasoning_tokens', 'charge_tokens'].map(total).join(', ')}
    FROM charged_event WHERE ${condition} GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT DO UPDATE SET ${addToKept}`
}

export const copyRolledToHours = `
  INSERT INTO usage_hour (${keys}, ${sums.join(', ')}) SELECT ${keys}, ${sums.join(', ')} FROM rolled_usage`

/**
 * Adds what the hours of `kept` (a table like `usage_hour`) say beyond those of `usage_hour`: exchanges whose events are lost.
 */
export function addHoursBeyond(table: 'usage_hour' | 'rolled_usage', kept: string): string {
  const beyond = sums.map((sum) => `max(0, ${kept}.${sum} - coalesce(now.${sum}, 0))`).join(', ')
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
