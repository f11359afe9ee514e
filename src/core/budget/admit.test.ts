import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admit, isSpent } from './admit.ts'

const tokens = fc.nat({ max: 1_000 })

describe('admit', () => {
  it.each([
    { what: 'room to spare', hold: 10, limit: 100, settled: 0, reserved: 0, own: 0, kind: 'admit' },
    {
      what: 'a hold that fills the limit exactly',
      hold: 10,
      limit: 100,
      settled: 60,
      reserved: 30,
      own: 0,
      kind: 'admit',
    },
    { what: 'no limit', hold: 10, limit: null, settled: 1e9, reserved: 1e9, own: 0, kind: 'admit' },
    { what: 'room held by others', hold: 10, limit: 100, settled: 60, reserved: 31, own: 0, kind: 'pending' },
    { what: 'a spent budget', hold: 10, limit: 100, settled: 91, reserved: 0, own: 0, kind: 'exhausted' },
    { what: 'a spent budget with holds', hold: 10, limit: 100, settled: 91, reserved: 50, own: 0, kind: 'exhausted' },
    { what: 'a limit of 0', hold: 1, limit: 0, settled: 0, reserved: 0, own: 0, kind: 'exhausted' },
    {
      what: 'the own hold growing into the rest',
      hold: 40,
      limit: 100,
      settled: 60,
      reserved: 30,
      own: 30,
      kind: 'admit',
    },
    {
      what: 'the own hold growing too far',
      hold: 41,
      limit: 100,
      settled: 60,
      reserved: 30,
      own: 30,
      kind: 'exhausted',
    },
    { what: 'the own hold beside others', hold: 30, limit: 100, settled: 60, reserved: 30, own: 15, kind: 'pending' },
  ])('says $kind for $what (L02)', ({ hold, limit, settled, reserved, own, kind }) => {
    const counter = { limitTokens: limit, settledTokens: settled, reservedTokens: reserved }
    expect(admit(hold, counter, own).kind).toBe(kind)
  })

  it('never lets what is settled and held pass the limit, and refuses only what would (L02)', () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, tokens, (hold, limitTokens, settledTokens, othersTokens, own) => {
        const decision = admit(hold, { limitTokens, settledTokens, reservedTokens: othersTokens + own }, own)
        const wouldStandTokens = settledTokens + othersTokens + hold
        expect(decision.kind === 'admit').toBe(wouldStandTokens <= limitTokens)
        if (decision.kind !== 'admit') expect(decision.shortTokens).toBe(wouldStandTokens - limitTokens)
      }),
    )
  })

  it('says pending only while the end of the others alone could make room (L03)', () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, (hold, limitTokens, settledTokens, reservedTokens) => {
        const { kind } = admit(hold, { limitTokens, settledTokens, reservedTokens })
        const alone = admit(hold, { limitTokens, settledTokens, reservedTokens: 0 }).kind
        if (kind !== 'admit') expect(kind === 'pending').toBe(alone === 'admit')
      }),
    )
  })
})

describe('a budget is spent', () => {
  it('exactly when not even one token more would be admitted with nothing held (L02)', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.nat({ max: 4 }), (limitTokens, settledTokens) => {
        const counter = { limitTokens, settledTokens, reservedTokens: 0 }
        expect(isSpent(counter)).toBe(admit(1, counter).kind === 'exhausted')
        expect(isSpent({ ...counter, limitTokens: null })).toBe(false)
      }),
    )
  })
})
