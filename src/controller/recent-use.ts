/** What was charged lately at scopes, for forecasts: asked of the ledger once for each scope, and of hourly sums alone. */
import { type RecentUse, recentSinceMs } from '../core/budget/forecast.ts'
import type { Ledger } from '../ledger/ledger.ts'

export type RecentUseOf = (key: { readonly scope: string; readonly provider: string }) => Promise<RecentUse>

/** Bottles that began lately are among the newest; where there are more of them, a rate comes out too low, never too high. */
const maxNewestBottles = 1_000

export function createRecentUse(ledger: Pick<Ledger, 'usage' | 'bottles'>, nowMs: number): RecentUseOf {
  const windowMs = recentSinceMs(nowMs)
  const byScope = new Map<string, ReturnType<Ledger['usage']>>()
  const rowsOf = (scope: string) => {
    const asked = byScope.get(scope) ?? ledger.usage({ by: 'bottle', scope, sinceMs: windowMs })
    byScope.set(scope, asked)
    return asked
  }
  let began: Promise<ReadonlyMap<string, number>> | undefined
  const beginnings = () => {
    began ??= ledger
      .bottles({ living: false, limit: maxNewestBottles })
      .then((bottles) => new Map(bottles.map(({ id, createdAtMs }) => [id, createdAtMs])))
    return began
  }

  return async ({ scope, provider }) => {
    const rows = (await rowsOf(scope)).filter((row) => row.provider === provider)
    if (rows.length === 0) return { usedTokens: 0, exchanges: 0, sinceMs: windowMs }
    const beganAtMs = await beginnings()
    const first = Math.min(...rows.map(({ group }) => beganAtMs.get(group) ?? windowMs))
    return {
      usedTokens: rows.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0),
      exchanges: rows.reduce((sum, { exchanges }) => sum + exchanges, 0),
      sinceMs: Math.max(windowMs, first),
    }
  }
}
