/** Usage of all hosts, from their sums by the hour. */
import { dayMs, dayName, hourMs, hourName, startOfHourMs } from '../../core/calendar.ts'
import type { UsageGrouping, UsageQuery, UsageRow } from '../ledger.ts'
import type { Database } from './database.ts'

const groupExpression: Readonly<Record<UsageGrouping, string>> = {
  bottle: 'bottle_id',
  agent: 'agent',
  provider: 'provider',
  model: 'model',
  day: `hour_ms / ${dayMs} * ${dayMs}`,
  hour: 'hour_ms',
}

const sum = (column: string) => `least(sum(${column}), ${Number.MAX_SAFE_INTEGER})::bigint`

export async function usageReport(
  { report }: Pick<Database, 'report'>,
  { by, eachModel = false, eachBottle = false, sinceMs, untilMs, bottleId, scope, limit }: UsageQuery,
): Promise<readonly UsageRow[]> {
  const isTime = by === 'day' || by === 'hour'
  const further = [...(eachModel ? ['model'] : []), ...(eachBottle ? ['bottle_id AS bottle', 'agent'] : [])]
  const groups = [1, 2, ...further.map((_, index) => index + 3)]
  const rows = await report<UsageRow & { readonly [column: string]: unknown }>(
    `SELECT ${[`${groupExpression[by]} AS "group"`, 'provider', ...further].join(', ')}, sum(exchanges)::bigint AS exchanges,
       ${sum('input_tokens')} AS "inputTokens",
       ${sum('cache_write_tokens')} AS "cacheWriteTokens",
       ${sum('cache_write_1h_tokens')} AS "cacheWrite1hTokens",
       ${sum('cache_read_tokens')} AS "cacheReadTokens",
       ${sum('output_tokens')} AS "outputTokens",
       ${sum('reasoning_tokens')} AS "reasoningTokens",
       ${sum('charge_tokens')} AS "chargeTokens",
       ${sum(`CASE WHEN source IN ('partial', 'estimated') THEN charge_tokens ELSE 0 END`)} AS "estimatedTokens"
     FROM bot_bottle.usage_hour
     WHERE hour_ms >= $1 AND hour_ms < $2 AND ($3::text IS NULL OR bottle_id = $3) AND ($4::text IS NULL OR $4 = ANY (scopes))
     GROUP BY ${groups} HAVING sum(exchanges) > 0 ORDER BY ${isTime ? '1,' : ''} "chargeTokens" DESC, ${groups}
     LIMIT $5`,
    [
      sinceMs === undefined ? Number.MIN_SAFE_INTEGER : startOfHourMs(sinceMs),
      untilMs === undefined ? Number.MAX_SAFE_INTEGER : startOfHourMs(untilMs + hourMs - 1),
      bottleId ?? null,
      scope ?? null,
      limit ?? null,
    ],
  )
  if (!isTime) return rows
  const groupName = by === 'day' ? dayName : hourName
  return rows.map((row) => ({ ...row, group: groupName(Number(row.group)) }))
}
