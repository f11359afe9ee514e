import { describe, expect, it } from 'vitest'
import type { EnforcementIntent, EnforcementOutcome } from '../ledger/ledger.ts'
import { type Cut, createEnforcer, type EnforcementTarget } from './enforcer.ts'

const cut: Cut = { policy: 'cutoff', trigger: 'operator', reason: 'asked for', message: 'bot-bottle: cut' }

/** What was written and done, in order. `isBroken`: the ledger takes nothing, as on a full disk. */
function stage({ isBroken = false } = {}) {
  const steps: string[] = []
  const state = { isCut: false, isEnded: false }
  const write = async (step: string) => {
    if (isBroken) throw new Error('the disk is full')
    steps.push(step)
  }
  const enforcer = createEnforcer({
    ledger: {
      beginEnforcement: async ({ action }: EnforcementIntent) => {
        await write(`intent ${action}`)
        return { kind: 'begun' }
      },
      endEnforcement: ({ outcome }: EnforcementOutcome) => write(outcome),
      openEnforcements: async () => [],
    },
    nowMs: () => 0,
    newId: () => 'id',
    onEntry: () => {},
  })
  const target: EnforcementTarget = {
    id: 'a-1',
    get isCut() {
      return state.isCut
    },
    get isEnded() {
      return state.isEnded
    },
    async close() {
      steps.push('closed')
      state.isCut = true
      await write('state cut')
      return { endedExchanges: 1 }
    },
    async reopen() {
      steps.push('reopened')
      state.isCut = false
    },
    async kill() {
      steps.push('killed')
      state.isEnded = true
    },
  }
  return { enforcer, target, steps }
}

describe('a cut', () => {
  it('is written down before it is performed, and its outcome after (I8)', async () => {
    const { enforcer, target, steps } = stage()
    expect(await enforcer.cut(target, { ...cut, policy: 'kill' })).toBe(true)
    expect(steps).toEqual(['intent kill', 'closed', 'state cut', 'killed', 'done'])
  })

  it('that several ask for at once is one cut with one outcome (E11)', async () => {
    const { enforcer, target, steps } = stage()
    const asked = [cut, { ...cut, trigger: 'budget' as const }, cut].map((one) => enforcer.cut(target, one))
    expect(await Promise.all(asked)).toEqual([true, false, false])
    expect(steps).toEqual(['intent cutoff', 'closed', 'state cut', 'done'])
  })

  it('may be followed by a kill, and nothing follows a kill (E10)', async () => {
    const { enforcer, target, steps } = stage()
    await enforcer.cut(target, cut)
    expect(await enforcer.cut(target, { ...cut, policy: 'kill' })).toBe(true)
    expect(await enforcer.cut(target, { ...cut, policy: 'kill' })).toBe(false)
    expect(await enforcer.restore(target, 'asked for')).toBe(false)
    expect(steps.filter((step) => step === 'killed')).toHaveLength(1)
  })

  it.each([
    ['cutoff', ['closed']],
    ['kill', ['closed', 'killed']],
  ] as const)(
    'by %s is performed where the ledger cannot be written, and the failure is told (I9)',
    async (policy, done) => {
      const { enforcer, target, steps } = stage({ isBroken: true })
      await expect(enforcer.cut(target, { ...cut, policy })).rejects.toThrow('the disk is full')
      expect(steps).toEqual(done)
    },
  )
})

it('a restore that cannot be written down reopens nothing (I8, I9)', async () => {
  const { enforcer, target, steps } = stage({ isBroken: true })
  await enforcer.cut(target, cut).catch(() => undefined)
  await expect(enforcer.restore(target, 'asked for')).rejects.toThrow('the disk is full')
  expect(steps).not.toContain('reopened')
})
