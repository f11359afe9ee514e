/** Rows of a report, for tests. */
import type { UsageReport } from '../../controller/api.ts'

type UsageRow = UsageReport['rows'][number]

export function usageRow(changes: Partial<UsageRow> = {}): UsageRow {
  return {
    group: 'claude-3fa2c1',
    provider: 'claude',
    exchanges: 42,
    inputTokens: 9_012,
    cacheWriteTokens: 41_337,
    cacheWrite1hTokens: 0,
    cacheReadTokens: 1_650_000,
    outputTokens: 12_502,
    reasoningTokens: 0,
    chargeTokens: 1_712_851,
    estimatedTokens: 0,
    ...changes,
  }
}
