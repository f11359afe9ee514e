import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addCosts, costOf, exactAmount, noCost, roundedAmount } from './cost.ts'
import { priceOf } from './price-table.ts'

const price = { input: 5_000_000, output: 25_000_000, cacheRead: 500_000, cacheWrite: 6_250_000 }
const tokens = {
  inputTokens: 1_000,
  cacheWriteTokens: 3_000,
  cacheWrite1hTokens: 1_000,
  cacheReadTokens: 100_000,
  outputTokens: 300,
}
/** Picos of so many tokens at a price for a million. */
const at = (count: number, micros: number) => BigInt(count) * BigInt(micros)

describe('a cost', () => {
  it('adds each class at its own price; writes for an hour cost what other writes do, unless they have a price', () => {
    const others = at(1_000, 5_000_000) + at(100_000, 500_000) + at(300, 25_000_000)
    expect(costOf(tokens, price)).toEqual({
      picos: others + at(3_000, 6_250_000),
      pricedTokens: 104_300,
      unpricedTokens: 0,
    })
    expect(costOf(tokens, { ...price, cacheWrite1h: 10_000_000 }).picos).toBe(
      others + at(2_000, 6_250_000) + at(1_000, 10_000_000),
    )
  })

  it('leaves a class without a price out, and says how many tokens that are', () => {
    const { input, output } = price
    expect(costOf(tokens, { input, output })).toEqual({
      picos: at(1_000, input) + at(300, output),
      pricedTokens: 1_300,
      unpricedTokens: 103_000,
    })
    expect(costOf({ ...tokens, cacheWrite1hTokens: 0 }, { input, output, cacheWrite1h: 1 })).toMatchObject({
      unpricedTokens: 103_000,
    })
  })

  it('of a model without a price is not known: no token of it is priced', () => {
    expect(costOf(tokens, undefined)).toEqual({ picos: 0n, pricedTokens: 0, unpricedTokens: 104_300 })
  })
})

describe('any cost', () => {
  const count = fc.nat({ max: 2 ** 40 })
  const micros = fc.nat({ max: 10 ** 12 })
  const used = fc
    .tuple(count, count, count, count, count)
    .map(([inputTokens, write, cacheWrite1hTokens, cacheReadTokens, outputTokens]) => ({
      ...{ inputTokens, cacheWriteTokens: write + cacheWrite1hTokens, cacheWrite1hTokens },
      ...{ cacheReadTokens, outputTokens },
    }))
  const prices = fc.record(
    { input: micros, output: micros, cacheRead: micros, cacheWrite: micros, cacheWrite1h: micros },
    { requiredKeys: ['input', 'output'] },
  )
  const plus = (one: typeof tokens, other: typeof tokens) => ({
    inputTokens: one.inputTokens + other.inputTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    cacheWrite1hTokens: one.cacheWrite1hTokens + other.cacheWrite1hTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  })

  it('is the same whether tokens are added first or costs: no sum drifts', () => {
    fc.assert(
      fc.property(fc.array(used, { minLength: 1, maxLength: 40 }), prices, (all, one) => {
        const byParts = all.map((part) => costOf(part, one)).reduce(addCosts, noCost)
        expect(byParts).toEqual(costOf(all.reduce(plus), one))
      }),
    )
  })

  it('counts every token once, as priced or as not', () => {
    fc.assert(
      fc.property(used, fc.option(prices, { nil: undefined }), (one, its) => {
        const { pricedTokens, unpricedTokens } = costOf(one, its)
        const all = one.inputTokens + one.cacheWriteTokens + one.cacheReadTokens + one.outputTokens
        expect(pricedTokens + unpricedTokens).toBe(all)
      }),
    )
  })

  it('is written exactly, and rounded to within half of a hundredth', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (picos) => {
        const exact = exactAmount(picos)
        expect(exact).toMatch(/^(?:0|[1-9]\d*)(?:\.\d{0,11}[1-9])?$/)
        const [whole = '', part = ''] = exact.split('.')
        expect(BigInt(whole + part.padEnd(12, '0'))).toBe(picos)
        const rounded = roundedAmount(picos)
        if (rounded === '<0.01') expect(picos > 0n && picos < 5_000_000_000n).toBe(true)
        else {
          const error = BigInt(rounded.replace('.', '')) * 10_000_000_000n - picos
          expect(error > -5_000_000_000n && error <= 5_000_000_000n).toBe(true)
        }
      }),
    )
  })
})

it.each([
  [0n, '0', '0.00'],
  [1n, '0.000000000001', '<0.01'],
  [5_000_000_000n, '0.005', '0.01'],
  [12_345_600_000_000n, '12.3456', '12.35'],
  [100_000_000_000_000n, '100', '100.00'],
])('%i picos are %s, shown as %s', (picos, exact, rounded) => {
  expect([exactAmount(picos), roundedAmount(picos)]).toEqual([exact, rounded])
})

it.each([
  ['claude', 'claude-opus-4-8', 2],
  ['claude', 'claude-opus-4-8-fast', 3],
  ['claude', 'claude-haiku', 4],
  ['claude', '', 4],
  ['codex', 'claude-opus-4-8', undefined],
  ['claud', 'e/x', undefined],
  ['own', 'a*', 6],
])('the price of %s/%s is that of the longest pattern that fits', (provider, model, expected) => {
  const patterns = [
    'claude/claude-opus*',
    'claude/claude-opus-4-8',
    'claude/claude-opus-4-8-*',
    'claude/*',
    'claude/x',
    'own/a*',
  ]
  const models = new Map(patterns.map((pattern, index) => [pattern, { input: index + 1, output: 0 }]))
  expect(priceOf({ currency: 'USD', models }, provider, model)?.input).toBe(expected)
})
