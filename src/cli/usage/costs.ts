/** A report of each model, priced and added up to the rows that were asked for. */
import type { UsageReport } from '../../controller/api.ts'
import { addCosts, type Cost, costOf, exactAmount, noCost, roundedAmount } from '../../core/pricing/cost.ts'
import { type PriceTable, priceOf } from '../../core/pricing/price-table.ts'
import { groupedNumber } from '../table.ts'

type UsageRow = UsageReport['rows'][number]
export type CostedRow = Omit<UsageRow, 'model'> & { readonly cost: Cost }

export interface CostReport {
  readonly by: UsageReport['by']
  readonly currency: string
  readonly rows: readonly CostedRow[]
  readonly total: Cost
  /** `PROVIDER/MODEL` of those without a price for some of their tokens. */
  readonly unpricedModels: readonly string[]
}

const counts = [
  ...(['exchanges', 'inputTokens', 'cacheWriteTokens', 'cacheWrite1hTokens', 'cacheReadTokens'] as const),
  ...(['outputTokens', 'reasoningTokens', 'chargeTokens', 'estimatedTokens'] as const),
] as const

export function costReport({ by, rows }: UsageReport, table: PriceTable): CostReport {
  const priced = rows.map(({ model = '', ...row }) => {
    const cost = costOf(row, priceOf(table, row.provider, model))
    return { row: { ...row, cost }, model: `${row.provider}/${model === '' ? '(unknown)' : model}` }
  })
  const byRow = Map.groupBy(priced, ({ row }) => `${row.group}\n${row.provider}`)
  const merged = [...byRow.values()].map((parts) => parts.map(({ row }) => row).reduce(addRows))
  const isUnpriced = priced.filter(({ row }) => row.cost.unpricedTokens > 0)
  return {
    ...{ by, currency: table.currency },
    rows:
      by === 'day' || by === 'hour' ? merged : merged.toSorted((one, other) => other.chargeTokens - one.chargeTokens),
    total: merged.map(({ cost }) => cost).reduce(addCosts, noCost),
    unpricedModels: [...new Set(isUnpriced.map(({ model }) => model))].toSorted(),
  }
}

function addRows(one: CostedRow, other: CostedRow): CostedRow {
  const sums = counts.map((name) => [name, Math.min(one[name] + other[name], Number.MAX_SAFE_INTEGER)])
  return { ...one, ...Object.fromEntries(sums), cost: addCosts(one.cost, other.cost) }
}

/** `12.35`, `12.35 + ?` where a part has no price, `?` where nothing has. */
export function costInWords(cost: Cost): string {
  if (cost.unpricedTokens > 0 && cost.pricedTokens === 0) return '?'
  const [whole = '', part = ''] = roundedAmount(cost.picos).split('.')
  const amount = `${groupedNumber(whole)}.${part}`
  return cost.unpricedTokens > 0 ? `${amount} + ?` : amount
}

/** As JSON has it. */
export function plainCosts({ by, currency, rows, total }: CostReport) {
  return {
    by,
    currency,
    rows: rows.map(({ cost, ...row }) => ({ ...row, ...plainCost(cost) })),
    total: plainCost(total),
  }
}

/** `null` where nothing of it has a price; else the exact amount as a decimal number. */
function plainCost({ picos, pricedTokens, unpricedTokens }: Cost) {
  const isKnown = pricedTokens > 0 || unpricedTokens === 0
  return { cost: isKnown ? exactAmount(picos) : null, unpricedTokens }
}
