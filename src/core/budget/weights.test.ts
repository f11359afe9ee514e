import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxTokenCount } from '../metering/usage.ts'
import { maxWeight, ownWeights, parseWeight, type WeighedTokens, weigh, weightPresets } from './weights.ts'

const { raw, effective } = weightPresets
const tokensUpTo = (max: number) => {
  const count = fc.nat({ max })
  return fc.record({ input: count, cacheWrite: count, cacheRead: count, output: count })
}
const weight = fc.nat({ max: maxWeight * 1_000 }).map((thousandths) => thousandths / 1_000)
const weights = fc.record({ input: weight, cacheWrite: weight, cacheRead: weight, output: weight })

describe('what is charged', () => {
  it.each<[string, WeighedTokens, number, number]>([
    ['nothing', { input: 0, cacheWrite: 0, cacheRead: 0, output: 0 }, 0, 0],
    ['input alone', { input: 7, cacheWrite: 0, cacheRead: 0, output: 0 }, 7, 7],
    ['a fraction', { input: 0, cacheWrite: 0, cacheRead: 1, output: 0 }, 1, 1],
    ['fractions that add up to a whole', { input: 0, cacheWrite: 4, cacheRead: 30, output: 0 }, 34, 8],
    ['a fraction beyond a whole', { input: 0, cacheWrite: 0, cacheRead: 31, output: 0 }, 31, 4],
    ['a turn of a coding agent', { input: 12, cacheWrite: 2_000, cacheRead: 80_000, output: 400 }, 82_412, 12_512],
  ])('for %s', (_what, tokens, rawTokens, effectiveTokens) => {
    expect([weigh(tokens, raw), weigh(tokens, effective)]).toEqual([rawTokens, effectiveTokens])
  })

  it('is no token more for what a decimal is in binary', () => {
    // 2.007 × 1000 is 2007.0000000000002 there.
    expect(weigh({ input: 1_000, cacheWrite: 0, cacheRead: 0, output: 0 }, { ...raw, input: 2.007 })).toBe(2_007)
  })

  it('is the plain sum where every class weighs 1', () => {
    fc.assert(
      fc.property(tokensUpTo(maxTokenCount), (tokens) => {
        expect(weigh(tokens, raw)).toBe(tokens.input + tokens.cacheWrite + tokens.cacheRead + tokens.output)
      }),
    )
  })

  it('is the exact sum rounded up, a safe integer, for the largest exchange and any weights', () => {
    fc.assert(
      fc.property(tokensUpTo(maxTokenCount), weights, (tokens, own) => {
        const thousandths = (['input', 'cacheWrite', 'cacheRead', 'output'] as const).reduce(
          (sum, name) => sum + BigInt(tokens[name]) * BigInt(Math.round(own[name] * 1_000)),
          0n,
        )
        const charged = weigh(tokens, own)
        expect(Number.isSafeInteger(charged)).toBe(true)
        expect(BigInt(charged)).toBe((thousandths + 999n) / 1_000n)
      }),
    )
  })

  it('never falls when an exchange grows', () => {
    fc.assert(
      fc.property(tokensUpTo(1_000_000), tokensUpTo(1_000_000), weights, (tokens, more, own) => {
        const grown = {
          input: tokens.input + more.input,
          cacheWrite: tokens.cacheWrite + more.cacheWrite,
          cacheRead: tokens.cacheRead + more.cacheRead,
          output: tokens.output + more.output,
        }
        expect(weigh(grown, own)).toBeGreaterThanOrEqual(weigh(tokens, own))
      }),
    )
  })
})

describe('a weight', () => {
  it.each([
    ['0', 0],
    ['0.1', 0.1],
    ['1.25', 1.25],
    ['5', 5],
    ['1000', 1_000],
    ['0.001', 0.001],
  ])('is read from %s', (text, expected) => {
    expect(parseWeight(text)).toEqual({ kind: 'weight', weight: expected })
  })

  it.each([
    ['', 'plain decimal'],
    ['-1', 'plain decimal'],
    ['.5', 'plain decimal'],
    ['1e3', 'plain decimal'],
    ['01', 'plain decimal'],
    ['1,25', 'plain decimal'],
    ['1001', 'larger than 1000'],
    ['0.0001', 'more than 3 decimals'],
  ])('is refused as "%s", saying what would work', (text, part) => {
    expect(parseWeight(text)).toEqual({ kind: 'invalid', why: expect.stringContaining(part) })
  })
})

describe('own weights', () => {
  it('weigh 1 where nothing is said', () => {
    expect(ownWeights({ cacheRead: 0 })).toEqual({ kind: 'weights', weights: { ...raw, cacheRead: 0 } })
  })

  it('are refused where nothing would count', () => {
    expect(ownWeights({ input: 0, cacheWrite: 0, cacheRead: 0, output: 0 })).toMatchObject({ kind: 'invalid' })
  })
})
