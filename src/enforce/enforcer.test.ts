import { afterEach, describe, expect, it, vi } from 'vitest'
import type { EnforcementIntent, EnforcementOutcome, EnforcementStep, OpenEnforcement } from '../ledger/ledger.ts'
import { type Cut, createEnforcer } from './enforcer.ts'
import type { EnforcementTarget } from './steps.ts'

const cut: Cut = { policy: 'cutoff', trigger: 'operator', reason: 'asked for', message: 'bot-bottle: cut' }
const kill: Cut = { ...cut, policy: 'kill' }
const freeze: Cut = { ...cut, policy: 'freeze' }

interface StageOptions {
  /** Runs before each write, of the ledger and of the bottle's state. */
  readonly onWrite?: (what: string) => Promise<void>
  /** What the close waits for once nothing flows. */
  readonly settled?: Promise<void>
  readonly hasLostOutcome?: boolean
}

/** What was written and done, in order. */
function stage({ onWrite = async () => {}, settled = Promise.resolve(), hasLostOutcome = false }: StageOptions = {}) {
  const steps: string[] = []
  const outcomes: string[] = []
  const state = { isCut: false, isEnded: false, isOpen: hasLostOutcome }
  const write = async (step: string) => {
    await onWrite(step)
    steps.push(step)
  }
  const enforcer = createEnforcer({
    ledger: {
      beginEnforcement: async ({ action }: EnforcementIntent) => {
        if (state.isOpen) return { kind: 'open', enforcementId: 'earlier' }
        await write(`intent ${action}`)
        return { kind: 'begun' }
      },
      recordStep: ({ step }: EnforcementStep) => write(`step ${step}`),
      endEnforcement: async ({ outcome, detail, enforcementId }: EnforcementOutcome) => {
        await write(enforcementId === 'earlier' ? `earlier ${outcome}` : outcome)
        outcomes.push(detail)
        state.isOpen = false
      },
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
    refuse: () => void steps.push('refused'),
    async close() {
      steps.push('closed')
      await settled
      state.isCut = true
      await write('state cut')
      return { endedExchanges: 1 }
    },
    async reopen() {
      steps.push('reopened')
      state.isCut = false
    },
    timeOut: async () => {},
    async kill() {
      steps.push('killed')
      state.isEnded = true
    },
    pause: () => write('paused'),
    async snapshot() {
      await write('kept')
      return 'all is kept'
    },
    async seal() {
      await write('sealed')
      state.isEnded = true
    },
  }
  return { enforcer, target, steps, outcomes, state }
}

const diskIsFull = { onWrite: () => Promise.reject(new Error('the disk is full')) }
const cutoffSteps = ['intent cutoff', 'closed', 'state cut', 'step close', 'done']

describe('a cut', () => {
  it('refuses at once, is written down before it is performed, and its steps and outcome after (I8)', async () => {
    const { enforcer, target, steps, outcomes } = stage()
    expect(await enforcer.cut(target, kill)).toBe(true)
    const expected = ['refused', 'intent kill', 'closed', 'state cut', 'step close', 'killed', 'step end', 'done']
    expect(steps).toEqual(expected)
    expect(outcomes).toEqual(['1 open exchange ended; every process ended'])
  })

  it('by freeze stops, keeps, and only then ends the bottle (E05)', async () => {
    const { enforcer, target, steps, outcomes } = stage()
    expect(await enforcer.cut(target, freeze)).toBe(true)
    const taken = ['closed', 'state cut', 'step close', 'kept', 'step snapshot', 'sealed', 'step seal', 'done']
    expect(steps).toEqual(['refused', 'intent freeze', 'paused', 'step pause', ...taken])
    expect(outcomes[0]).toContain('all is kept')
  })

  it('by freeze that cannot keep what was written leaves the bottle cut and paused, and it can be tried again (E05)', async () => {
    let isFull = true
    const { enforcer, target, steps } = stage({
      onWrite: async (what) => {
        if (what === 'kept' && isFull) throw new Error('no space is left')
      },
    })
    await expect(enforcer.cut(target, freeze)).rejects.toThrow('no space is left')
    expect(steps.slice(-2)).toEqual(['step close', 'failed'])
    expect(steps).toContain('paused')
    expect(target).toMatchObject({ isCut: true, isEnded: false })
    isFull = false
    expect(await enforcer.cut(target, freeze)).toBe(true)
    expect(steps.slice(-5)).toEqual(['kept', 'step snapshot', 'sealed', 'step seal', 'done'])
  })

  it('that several ask for at once is one cut with one outcome (E11)', async () => {
    const { enforcer, target, steps } = stage()
    const asked = [cut, { ...cut, trigger: 'budget' as const }, cut].map((one) => enforcer.cut(target, one))
    expect(await Promise.all(asked)).toEqual([true, false, false])
    expect(steps).toEqual(['refused', 'refused', 'refused', ...cutoffSteps])
  })

  it('may be followed by a kill, and nothing follows a kill (E10)', async () => {
    const { enforcer, target, steps } = stage()
    await enforcer.cut(target, cut)
    expect(await enforcer.cut(target, kill)).toBe(true)
    expect(await enforcer.cut(target, kill)).toBe(false)
    expect(await enforcer.restore(target, 'asked for')).toBe(false)
    expect(steps.filter((step) => step === 'killed')).toHaveLength(1)
  })

  it.each([
    [cut, ['refused', 'closed']],
    [kill, ['refused', 'closed', 'killed']],
  ])(
    'by $policy is performed where the ledger cannot be written, and the failure is told (I9)',
    async (asked, done) => {
      const { enforcer, target, steps } = stage(diskIsFull)
      await expect(enforcer.cut(target, asked)).rejects.toThrow('the disk is full')
      expect(steps).toEqual(done)
    },
  )

  it('closes an enforcement whose outcome could not be written at the time', async () => {
    const { enforcer, target, steps } = stage({ hasLostOutcome: true })
    await enforcer.cut(target, cut)
    expect(steps).toEqual(['refused', 'earlier failed', ...cutoffSteps])
  })
})

describe('while the ledger hangs', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  const hanging = (isHeld: (what: string) => boolean = () => true) => {
    vi.useFakeTimers()
    const { promise, resolve } = Promise.withResolvers<void>()
    return { goOn: resolve, ...stage({ onWrite: (what) => (isHeld(what) ? promise : Promise.resolve()) }) }
  }

  it('a cut closes first what flows, after 50 ms, and the audit says so (I9)', async () => {
    const { enforcer, target, steps, outcomes, goOn } = hanging()
    const cutting = enforcer.cut(target, cut)
    await vi.advanceTimersByTimeAsync(49)
    expect(steps).toEqual(['refused'])
    await vi.advanceTimersByTimeAsync(1)
    expect(steps).toEqual(['refused', 'closed'])
    goOn()
    expect(await cutting).toBe(true)
    expect(outcomes).toEqual([expect.stringContaining('performed before its intent was written')])
    expect(steps.filter((step) => step === 'closed')).toHaveLength(1)
  })

  it('a kill ends every process within a third of a second, also behind a cutoff that hangs (E10)', async () => {
    const { enforcer, target, steps, goOn } = hanging()
    const killing = enforcer.cut(target, kill)
    await vi.advanceTimersByTimeAsync(300)
    expect(steps).toEqual(['refused', 'closed', 'killed'])
    goOn()
    expect(await killing).toBe(true)

    const second = hanging()
    const asked = [second.enforcer.cut(second.target, cut), second.enforcer.cut(second.target, kill)]
    await vi.advanceTimersByTimeAsync(800)
    expect(second.state.isEnded).toBe(true)
    second.goOn()
    expect(await Promise.all(asked)).toEqual([true, true])
  })

  it('a restore waits, and gives way to a cut that came after it (I9)', async () => {
    const { enforcer, target, steps, state, goOn } = hanging((what) => what === 'intent restore')
    await enforcer.cut(target, cut)
    const restoring = enforcer.restore(target, 'asked for')
    const refusal = expect(restoring).rejects.toMatchObject({ code: 'conflict' })
    const killing = enforcer.cut(target, kill)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(state.isEnded).toBe(true)
    goOn()
    await refusal
    expect(await killing).toBe(true)
    expect(steps).not.toContain('reopened')
  })
})

it('a kill does not wait for a client that reads slowly (E10)', async () => {
  vi.useFakeTimers()
  const { promise, resolve } = Promise.withResolvers<void>()
  const { enforcer, target, state } = stage({ settled: promise })
  const killing = enforcer.cut(target, kill)
  await vi.advanceTimersByTimeAsync(250)
  expect(state.isEnded).toBe(true)
  vi.useRealTimers()
  resolve()
  expect(await killing).toBe(true)
})

it('a freeze that takes long is not begun again by what it charges, and all of it is waited for (E05, E11)', async () => {
  vi.useFakeTimers()
  const { promise, resolve } = Promise.withResolvers<void>()
  const { enforcer, target, steps } = stage({ onWrite: (what) => (what === 'kept' ? promise : Promise.resolve()) })
  const freezing = enforcer.cut(target, freeze)
  await vi.advanceTimersByTimeAsync(10)
  const again = enforcer.cut(target, { ...freeze, trigger: 'budget' })
  const weaker = enforcer.cut(target, cut)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(steps.filter((step) => step.startsWith('intent'))).toEqual(['intent freeze'])
  const settling = enforcer.settle(10_000)
  resolve()
  expect(await Promise.all([freezing, again, weaker, settling])).toEqual([true, false, false, true])
  expect(steps.at(-1)).toBe('done')
  vi.useRealTimers()
})

it('a freeze whose bottle a kill takes away meanwhile is over, and no failure of its own (E10, E11)', async () => {
  vi.useFakeTimers()
  const { promise, reject } = Promise.withResolvers<void>()
  const { enforcer, target, outcomes } = stage({ onWrite: (what) => (what === 'kept' ? promise : Promise.resolve()) })
  const freezing = enforcer.cut(target, freeze)
  const killing = enforcer.cut(target, kill)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(await killing).toBe(true)
  reject(new Error('ENOENT: what was to be kept is gone'))
  expect(await freezing).toBe(false)
  expect(outcomes.at(-1)).toBe('the bottle was ended before it was over')
  vi.useRealTimers()
})

it('what is under way is waited for, by whoever is to end the ledger, but not for ever', async () => {
  vi.useFakeTimers()
  const { promise, resolve } = Promise.withResolvers<void>()
  const { enforcer, target, steps } = stage({ settled: promise })
  expect(await enforcer.settle(1_000)).toBe(true)
  const cutting = enforcer.cut(target, cut)
  const tooShort = enforcer.settle(1_000)
  const longEnough = enforcer.settle(9_000)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await tooShort).toBe(false)
  resolve()
  expect(await longEnough).toBe(true)
  expect(steps.at(-1)).toBe('done')
  vi.useRealTimers()
  expect(await cutting).toBe(true)
})

it('a restore that cannot be written down reopens nothing (I8, I9)', async () => {
  const { enforcer, target, steps, state } = stage(diskIsFull)
  state.isCut = true
  await expect(enforcer.restore(target, 'asked for')).rejects.toThrow('the disk is full')
  expect(steps).toEqual([])
})

describe('what a crash left open', () => {
  const open = (action: OpenEnforcement['action'], doneSteps: readonly string[]): OpenEnforcement => ({
    ...{ sequence: 1, enforcementId: 'id', bottleId: 'a-1', trigger: 'budget', phase: 'intent', step: null },
    ...{ detail: 'spent', atMs: 0, action, doneSteps },
  })

  it.each([
    ['cutoff', [], ['closed', 'state cut', 'step close', 'done']],
    ['cutoff', ['close'], ['done']],
    ['kill', [], ['closed', 'state cut', 'step close', 'killed', 'step end', 'done']],
    ['kill', ['close'], ['killed', 'step end', 'done']],
    ['restore', [], ['reopened', 'step reopen', 'done']],
  ] as const)('of a %s after %j is finished from there (E08)', async (action, doneSteps, expected) => {
    const { enforcer, target, steps, outcomes } = stage()
    await enforcer.finish(open(action, doneSteps), target)
    expect(steps).toEqual(expected)
    expect(outcomes[0]).toMatch(/finished by the next controller$/)
  })
})
