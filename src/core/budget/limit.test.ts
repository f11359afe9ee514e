import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBudgetFlag, parseLimitTokens, resolveBudgets } from './limit.ts'

describe('a number of tokens', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['200000', 200_000],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %s (L11)', (text, limitTokens) => {
    expect(parseLimitTokens(text)).toEqual({ kind: 'limit', limitTokens })
  })

  test.each([
    ['', 'a number of tokens is expected'],
    ['  ', 'a number of tokens is expected'],
    ['-5', 'negative; 0 denies all'],
    ['1.5', 'not divisible'],
    ['1e9', 'write 1000000000'],
    ['5_000', 'write 5000'],
    ['5,000', 'write 5000'],
    ['1 000 000', 'write 1000000'],
    ['200k', 'write 200000'],
    ['1.5M', 'write 1500000'],
    ['007', 'write 7'],
    ['+5', 'write 5'],
    ['5.0', 'write 5'],
    ['9007199254740992', 'larger than 9007199254740991'],
    ['0x10', 'a whole number'],
    ['Infinity', 'a whole number'],
    ['NaN', 'a whole number'],
    ['lots', 'a whole number'],
    ['٥', 'a whole number'],
  ])('refuses "%s" and says what would work (L11)', (text, part) => {
    const parsed = parseLimitTokens(text)
    expect(parsed).toEqual({ kind: 'invalid', why: expect.stringContaining(part) })
  })

  test('whatever is read is a non-negative safe integer with that very spelling (L11)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (text) => {
        const parsed = parseLimitTokens(text)
        if (parsed.kind === 'invalid') return
        expect(Number.isSafeInteger(parsed.limitTokens) && String(parsed.limitTokens) === text).toBe(true)
      }),
    )
  })
})

describe('--budget', () => {
  test('takes a provider and a number, or a number alone', () => {
    expect(parseBudgetFlag('claude=5')).toEqual({ kind: 'budget', provider: 'claude', limitTokens: 5 })
    expect(parseBudgetFlag('5')).toEqual({ kind: 'budget', provider: null, limitTokens: 5 })
  })

  test.each(['=5', 'claude=', 'claude', 'claude=1e9', '5=claude'])('refuses "%s"', (text) => {
    expect(parseBudgetFlag(text).kind).toBe('invalid')
  })

  test('without a provider goes to the only provider of the bottle', () => {
    expect(resolveBudgets([{ provider: null, limitTokens: 5 }], ['codex'])).toEqual({
      kind: 'budgets',
      budgets: [{ provider: 'codex', limitTokens: 5 }],
    })
  })

  test.each([
    [
      'two providers and none named',
      [{ provider: null, limitTokens: 5 }],
      ['claude', 'codex'],
      'uses claude, codex; write',
    ],
    ['no provider at all', [{ provider: null, limitTokens: 5 }], [], 'uses no provider'],
    [
      'an unknown provider',
      [{ provider: 'gemini', limitTokens: 5 }],
      ['claude'],
      '"gemini", but the bottle uses claude',
    ],
    [
      'one provider twice',
      [
        { provider: 'claude', limitTokens: 5 },
        { provider: null, limitTokens: 6 },
      ],
      ['claude'],
      'twice',
    ],
  ])('is refused for %s', (_, flags, providers, part) => {
    expect(resolveBudgets(flags, providers)).toEqual({ kind: 'invalid', why: expect.stringContaining(part) })
  })
})
