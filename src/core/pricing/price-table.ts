/**
 * Prices that the user wrote down, and which of them is a model's. There are none built in: a price that is not known is
 * shown as not known.
 */

/** Millionths of the currency for a million tokens: whole numbers, so that sums are exact. */
export interface ModelPrice {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  /** Of writes that a cache keeps for an hour; without it they cost what others do. */
  readonly cacheWrite1h?: number
}

export interface PriceTable {
  /** ISO 4217 */
  readonly currency: string
  /** `PROVIDER/MODEL`, where `*` at the end stands for any text → its price. */
  readonly models: ReadonlyMap<string, ModelPrice>
}

/** The price of the longest pattern that fits; one that is the whole name comes first. */
export function priceOf({ models }: PriceTable, provider: string, model: string): ModelPrice | undefined {
  const name = `${provider}/${model}`
  const whole = models.get(name)
  if (whole) return whole
  for (let length = name.length; length > provider.length; length -= 1) {
    const price = models.get(`${name.slice(0, length)}*`)
    if (price) return price
  }
  return undefined
}
