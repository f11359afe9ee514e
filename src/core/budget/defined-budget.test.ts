import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DefinedBudget, plainBudget, rolesInChain, type ScopeBudgets } from './defined-budget.ts'
import { periods } from './period.ts'

const claude = (limitTokens: number, changes: Partial<DefinedBudget> = {}): DefinedBudget => ({
  ...plainBudget({ provider: 'claude', limitTokens }),
  ...changes,
})

/** A chain from the run to the host; scopes that are not given define nothing. */
function chainOf(defined: Readonly<Record<string, readonly DefinedBudget[]>>): readonly ScopeBudgets[] {
  const scopes = ['run:rev-1', 'agent:reviewer', 'bottle:web', 'bottle:base', 'host']
  return scopes.map((scope) => ({ scope, budgets: defined[scope] ?? [] }))
}

const rolesOf = (defined: Readonly<Record<string, readonly DefinedBudget[]>>) =>
  rolesInChain(chainOf(defined), 'claude').map(({ scope, role }) => `${scope} ${role}`)

describe('the budgets of a chain', () => {
  it('hold where no other is defined', () => {
    expect(rolesOf({ host: [claude(5)] })).toEqual(['host governs'])
    expect(rolesOf({})).toEqual([])
  })

  it.each([
    [['bottle:web', 'bottle:base', 'host'], 'bottle:web'],
    [['bottle:base', 'host'], 'bottle:base'],
    [['agent:reviewer', 'bottle:web'], 'agent:reviewer'],
    [['run:rev-1', 'agent:reviewer', 'host'], 'run:rev-1'],
  ])('of %j: the most specific one governs and overrules the others, spent or not (L15)', (scopes, governing) => {
    const defined = Object.fromEntries(scopes.map((scope, index) => [scope, [claude(index)]]))
    expect(rolesOf(defined)).toEqual(scopes.map((scope) => `${scope} ${scope === governing ? 'governs' : 'overruled'}`))
  })

  it('hold besides where they are marked always (L15)', () => {
    const always = { always: true }
    const defined = { 'agent:reviewer': [claude(9)], 'bottle:web': [claude(5, always)], host: [claude(1)] }
    expect(rolesOf(defined)).toEqual(['agent:reviewer governs', 'bottle:web always', 'host overruled'])
    expect(rolesOf({ 'bottle:web': [claude(5, always)], host: [claude(1)] })).toEqual([
      'bottle:web governs',
      'host overruled',
    ])
  })

  it('hold together where one scope defines several periods', () => {
    const defined = { 'bottle:web': [claude(5, { period: 'day' }), claude(90, { period: 'month' })], host: [claude(1)] }
    expect(rolesOf(defined)).toEqual(['bottle:web governs', 'bottle:web governs', 'host overruled'])
  })

  it('of another provider mean nothing (L16)', () => {
    const codex = { ...claude(0), provider: 'codex' }
    expect(rolesOf({ 'run:rev-1': [codex], host: [claude(7)] })).toEqual(['host governs'])
    expect(rolesInChain(chainOf({ 'run:rev-1': [codex] }), 'gemini')).toEqual([])
  })

  it('are one governing scope and every `always`, whatever is defined (L15)', () => {
    const budget = fc.record({
      provider: fc.constantFrom('claude', 'codex'),
      limitTokens: fc.nat(),
      period: fc.constantFrom(...periods),
      always: fc.boolean(),
    })
    const chain = fc
      .array(fc.array(budget, { maxLength: 3 }), { maxLength: 6 })
      .map((levels) => levels.map((budgets, index) => ({ scope: `bottle:${index}`, budgets })))
    fc.assert(
      fc.property(chain, (levels) => {
        const roles = rolesInChain(levels, 'claude')
        const all = levels.flatMap(({ budgets }) => budgets.filter(({ provider }) => provider === 'claude'))
        expect(roles.map((one) => one.budget)).toEqual(all)
        const nearest = levels.find(({ budgets }) => budgets.some(({ provider }) => provider === 'claude'))?.scope
        for (const { scope, role, budget: found } of roles) {
          const holds = scope === nearest || found.always
          expect(role !== 'overruled').toBe(holds)
          expect(role === 'governs').toBe(scope === nearest)
        }
      }),
    )
  })
})
