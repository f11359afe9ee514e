/**
 * SQL of the append-only usage events and of their rollup by the hour, which reports read: what a report costs
 * depends on how many hours and bottles it covers, not on how many exchanges there were.
 */
import type { DatabaseSync } from 'node:sqlite'
import { dayMs, dayName, hourMs, hourName, startOfHourMs } from '../../core/calendar.ts'
import type { SettleRequest, UsageEvent, UsageGrouping, UsageQuery, UsageRow } from '../ledger.ts'
import type { Reservation } from './reservations.ts'
import { addToHour } from './usage-hours.ts'

type UsageEventRow = { readonly [K in keyof UsageEvent]-?: Exclude<UsageEvent[K], undefined> | null }

const groupExpression: Readonly<Record<UsageGrouping, string>> = {
  bottle: 'bottle_id',
  agent: 'agent',
  provider: 'provider',
  model: 'model',
  day: `hour_ms / ${dayMs} * ${dayMs}`,
  hour: 'hour_ms',
}

/** Asked of each row in the span of time, so that it costs nothing for the chains of other times. */
const isOfScope = `EXISTS (
  SELECT 1 FROM chain, json_each(chain.keys -> 'scopes') AS charged
  WHERE chain.chain_id = usage_hour.chain_id AND charged.value = :scope)`

export type UsageStatements = ReturnType<typeof usageStatements>

export function usageStatements(db: DatabaseSync, options: { readonly isShared: boolean }) {
  const insert = db.prepare(`
    INSERT INTO usage_event (attempt_id, owner, bottle_id, agent, provider, model,
      input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, output_tokens, reasoning_tokens,
      charge_tokens, source, ending, held_tokens, estimated_input_tokens, chain_id, started_at_ms, settled_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const addEventToHour = db.prepare(addToHour(options))
  const isSettled = db.prepare('SELECT 1 FROM usage_event WHERE attempt_id = ?')
  const eventColumns = `sequence, attempt_id AS attemptId, bottle_id AS bottleId, agent, provider, model,
    input_tokens AS inputTokens, cache_write_5m_tokens AS cacheWrite5mTokens,
    cache_write_1h_tokens AS cacheWrite1hTokens, cache_read_tokens AS cacheReadTokens,
    output_tokens AS outputTokens, reasoning_tokens AS reasoningTokens, charge_tokens AS chargeTokens,
    source, ending, started_at_ms AS startedAtMs, settled_at_ms AS settledAtMs`
  const newest = db.prepare(`
    SELECT * FROM (SELECT ${eventColumns} FROM charged_event ORDER BY sequence DESC LIMIT ?) ORDER BY sequence`)
  const newestOfBottle = db.prepare(`
    SELECT * FROM (SELECT ${eventColumns} FROM charged_event WHERE bottle_id = ? ORDER BY sequence DESC LIMIT ?)
    ORDER BY sequence`)
  const sum = (column: string) => `min(CAST(total(${column}) AS INTEGER), 9007199254740991)`
  const prepareReport = ({ by, eachModel = false, eachBottle = false, bottleId, scope }: UsageQuery) => {
    const further = [...(eachModel ? ['model'] : []), ...(eachBottle ? ['bottle_id AS bottle', 'agent'] : [])]
    const groups = [1, 2, ...further.map((_, index) => index + 3)]
    return db.prepare(`
      SELECT ${[`${groupExpression[by]} AS "group"`, 'provider', ...further].join(', ')}, sum(exchanges) AS exchanges,
        ${sum('input_tokens')} AS inputTokens,
        ${sum('cache_write_tokens')} AS cacheWriteTokens,
        ${sum('cache_write_1h_tokens')} AS cacheWrite1hTokens,
        ${sum('cache_read_tokens')} AS cacheReadTokens,
        ${sum('output_tokens')} AS outputTokens,
        ${sum('reasoning_tokens')} AS reasoningTokens,
        ${sum('charge_tokens')} AS chargeTokens,
        ${sum(`CASE WHEN source IN ('partial', 'estimated') THEN charge_tokens ELSE 0 END`)} AS estimatedTokens
      FROM usage_hour
      WHERE hour_ms >= :fromMs AND hour_ms < :untilMs
        ${bottleId === undefined ? '' : 'AND bottle_id = :bottleId'}
        ${scope === undefined ? '' : `AND ${isOfScope}`}
      GROUP BY ${groups} HAVING sum(exchanges) > 0 ORDER BY ${isTime(by) ? '1,' : ''} chargeTokens DESC, ${groups}
      LIMIT :limit`)
  }

  return {
    /** Appends the event of a settled reservation and adds it to its hour. */
    append: (reservation: Reservation, request: SettleRequest): void => {
      const { attemptId, owner, bottleId, agent, provider, holdTokens, inputTokens, chainId, reservedAtMs } =
        reservation
      const { usage, chargeTokens, source, ending, nowMs } = request
      const model = request.model ?? reservation.model
      insert.run(
        attemptId,
        owner,
        bottleId,
        agent,
        provider,
        model,
        usage.inputTokens ?? null,
        usage.cacheWrite5mTokens ?? null,
        usage.cacheWrite1hTokens ?? null,
        usage.cacheReadTokens ?? null,
        usage.outputTokens ?? null,
        usage.reasoningTokens ?? null,
        chargeTokens,
        source,
        ending,
        holdTokens,
        inputTokens,
        chainId,
        reservedAtMs,
        nowMs,
      )
      addEventToHour.run(
        startOfHourMs(nowMs),
        bottleId,
        agent,
        provider,
        model ?? '',
        source,
        chainId,
        usage.inputTokens ?? 0,
        Math.min((usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0), Number.MAX_SAFE_INTEGER),
        usage.cacheWrite1hTokens ?? 0,
        usage.cacheReadTokens ?? 0,
        usage.outputTokens ?? 0,
        usage.reasoningTokens ?? 0,
        chargeTokens,
      )
    },

    isSettled: (attemptId: string): boolean => isSettled.get(attemptId) !== undefined,

    newest: (bottleId: string | undefined, limit: number): readonly UsageEvent[] => {
      const rows = bottleId === undefined ? newest.all(limit) : newestOfBottle.all(bottleId, limit)
      return (rows as unknown as readonly UsageEventRow[]).map(eventOf)
    },

    report: (query: UsageQuery): readonly UsageRow[] => {
      const { by, sinceMs, untilMs, bottleId, scope, limit = -1 } = query
      const rows = prepareReport(query).all({
        fromMs: sinceMs === undefined ? Number.MIN_SAFE_INTEGER : startOfHourMs(sinceMs),
        untilMs: untilMs === undefined ? Number.MAX_SAFE_INTEGER : startOfHourMs(untilMs + hourMs - 1),
        ...(bottleId !== undefined && { bottleId }),
        ...(scope !== undefined && { scope }),
        limit,
      }) as unknown as readonly UsageRow[]
      if (!isTime(by)) return rows
      const nameOf = by === 'day' ? dayName : hourName
      return rows.map((row) => ({ ...row, group: nameOf(Number(row.group)) }))
    },
  }
}

function isTime(by: UsageGrouping): boolean {
  return by === 'day' || by === 'hour'
}

/** What the provider did not say is absent from the event, not null and not 0. */
function eventOf(row: UsageEventRow): UsageEvent {
  const { inputTokens, cacheWrite5mTokens, cacheWrite1hTokens, cacheReadTokens, outputTokens, reasoningTokens } = row
  const classes = {
    inputTokens,
    cacheWrite5mTokens,
    cacheWrite1hTokens,
    cacheReadTokens,
    outputTokens,
    reasoningTokens,
  }
  const { attemptId, bottleId, agent, provider, model, chargeTokens, source, ending, startedAtMs, settledAtMs } = row
  return {
    ...Object.fromEntries(Object.entries(classes).filter(([, tokens]) => tokens !== null)),
    ...({ attemptId, bottleId, agent, provider, model, chargeTokens, source, ending, startedAtMs, settledAtMs } as Omit<
      UsageEvent,
      keyof typeof classes
    >),
  }
}
