/**
 * What tokens cost by a price table. Whole numbers throughout: a token at a price of one millionth for a million of them is one
 * `pico`, 10^-12 of the currency, and nothing is rounded before it is shown.
 */
import type { ModelPrice } from './price-table.ts'

export interface PricedTokens {
  readonly inputTokens: number
  readonly cacheWriteTokens: number
  /** The part of `cacheWriteTokens` that is kept for an hour. */
  readonly cacheWrite1hTokens: number
  readonly cacheReadTokens: number
  readonly outputTokens: number
}

export interface Cost {
  readonly picos: bigint
  /** What has a price, and what has none. Tokens. */
  readonly pricedTokens: number
  readonly unpricedTokens: number
}

export const noCost: Cost = { picos: 0n, pricedTokens: 0, unpricedTokens: 0 }

export function costOf(tokens: PricedTokens, price: ModelPrice | undefined): Cost {
  const { inputTokens, cacheWriteTokens, cacheWrite1hTokens, cacheReadTokens, outputTokens } = tokens
  const classes: readonly (readonly [tokens: number, price: number | undefined])[] = [
    [inputTokens, price?.input],
    [cacheWriteTokens - cacheWrite1hTokens, price?.cacheWrite],
    [cacheWrite1hTokens, price?.cacheWrite1h ?? price?.cacheWrite],
    [cacheReadTokens, price?.cacheRead],
    [outputTokens, price?.output],
  ]
  return classes.map(costOfClass).reduce(addCosts, noCost)
}

function costOfClass([tokens, price]: readonly [tokens: number, price: number | undefined]): Cost {
  if (price === undefined) return { picos: 0n, pricedTokens: 0, unpricedTokens: tokens }
  return { picos: BigInt(tokens) * BigInt(price), pricedTokens: tokens, unpricedTokens: 0 }
}

export function addCosts(one: Cost, other: Cost): Cost {
  return {
    picos: one.picos + other.picos,
    pricedTokens: one.pricedTokens + other.pricedTokens,
    unpricedTokens: one.unpricedTokens + other.unpricedTokens,
  }
}

const decimals = 12

/** The exact amount as a plain decimal number: `0`, `12.3456`. */
export function exactAmount(picos: bigint): string {
  const digits = String(picos).padStart(decimals + 1, '0')
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`.replace(/\.?0+$/, '')
}

/** Rounded to hundredths, half of one up: `12.35`. What is more than nothing is not shown as nothing: `<0.01`. */
export function roundedAmount(picos: bigint): string {
  const hundredths = (picos + 5_000_000_000n) / 10_000_000_000n
  if (picos > 0n && hundredths === 0n) return '<0.01'
  const digits = String(hundredths).padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`
}
