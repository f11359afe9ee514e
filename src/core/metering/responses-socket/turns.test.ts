import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxWaitingRequests, noTurns, step, type TurnAction, type TurnInput, type Turns } from './turns.ts'

type Input = TurnInput<string>

const ask = (request: string): Input => ({ kind: 'request', request })
const event = (type: string | undefined, isTerminal = false): Input => ({ kind: 'event', event: { type, isTerminal } })
const reserved: Input = { kind: 'reserved' }
const denied: Input = { kind: 'denied' }
const settled: Input = { kind: 'settled' }
const created = event('response.created')
const delta = event('response.output_text.delta')
const completed = event('response.completed', true)
const error = event('error', true)

/** What is done for each input, in words. */
function play(inputs: readonly Input[]): readonly (readonly string[])[] {
  let turns: Turns<string> = noTurns
  return inputs.map((input) => {
    const next = step(turns, input)
    turns = next.turns
    return next.actions.map(inWords)
  })
}

const inWords = (action: TurnAction<string>) => ('request' in action ? `${action.kind} ${action.request}` : action.kind)

describe('a request', () => {
  it('is sent when it is reserved for, and settled at its terminal event (I5)', () => {
    expect(play([ask('a'), reserved, created, delta, completed, settled])).toEqual([
      ['reserve a'],
      ['send a'],
      ['pass'],
      ['pass'],
      ['pass', 'settle'],
      [],
    ])
  })

  it('is never sent when it is denied; the next one is asked for', () => {
    expect(play([ask('a'), ask('b'), denied, reserved])).toEqual([['reserve a'], [], ['reserve b'], ['send b']])
  })

  it('waits until the one before it is settled', () => {
    expect(play([ask('a'), ask('b'), reserved, created, completed, settled, reserved])).toEqual([
      ['reserve a'],
      [],
      ['send a'],
      ['pass'],
      ['pass', 'settle'],
      ['reserve b'],
      ['send b'],
    ])
  })

  it('is refused when too many wait', () => {
    const waiting = Array.from({ length: maxWaitingRequests }, (_, index) => ask(`w${index}`))
    expect(play([ask('a'), ...waiting, ask('b')]).at(-1)).toEqual(['refuse b'])
  })

  it('is over with an error in place of a response, and so is one that had begun', () => {
    expect(play([ask('a'), reserved, error]).at(-1)).toEqual(['pass', 'settle'])
    expect(play([ask('a'), reserved, created, delta, error]).at(-1)).toEqual(['pass', 'settle'])
  })
})

describe('an event', () => {
  it('of a response that nobody reserved for ends the socket (I3)', () => {
    const before: readonly (readonly Input[])[] = [
      [],
      [ask('a')],
      [ask('a'), denied],
      [ask('a'), reserved, created, completed],
      [ask('a'), reserved, created, completed, settled],
      [ask('a'), reserved, created, error, settled],
    ]
    for (const course of before) {
      for (const unasked of [created, delta]) expect(play([...course, unasked]).at(-1)).toEqual(['end'])
    }
    expect(play([ask('a'), reserved, created, created]).at(-1)).toEqual(['end'])
  })

  it('that is no part of a response passes at any time', () => {
    const limits = event('codex.rate_limits')
    expect(play([limits, ask('a'), limits, reserved, limits, error, limits, event(undefined)])).toEqual([
      ['pass'],
      ['reserve a'],
      ['pass'],
      ['send a'],
      ['pass'],
      ['pass', 'settle'],
      ['pass'],
      ['pass'],
    ])
  })
})

it('sends requests in their order, one at a time, each reserved for and settled once, at any course (I3, I5)', () => {
  const inputs = fc.constantFrom('ask', 'yes', 'no', 'settled', 'created', 'delta', 'completed', 'error', 'other')
  fc.assert(
    fc.property(fc.array(inputs, { maxLength: 80 }), (course) => {
      let turns: Turns<string> = noTurns
      const asked: string[] = []
      const done: TurnAction<string>[] = []
      for (const [index, what] of course.entries()) {
        const input = possible(what, `${index}`, turns)
        if (!input) continue
        const next = step(turns, input)
        turns = next.turns
        done.push(...next.actions)
        const isRefused = next.actions.some(({ kind }) => kind === 'refuse')
        if (input.kind === 'request' && !isRefused) asked.push(input.request)
        expect(turns.waiting.length).toBeLessThanOrEqual(maxWaitingRequests)
      }
      const all = (kind: string) => done.flatMap((one) => ('request' in one && one.kind === kind ? one.request : []))
      const [reservedFor, sent] = [all('reserve'), all('send')]
      expect(reservedFor).toEqual(asked.slice(0, reservedFor.length))
      expect(sent).toEqual(reservedFor.filter((request) => sent.includes(request)))
      const settledCount = done.filter(({ kind }) => kind === 'settle').length
      expect(sent.length - settledCount).toBe(turns.phase === 'running' ? 1 : 0)
    }),
  )
})

/** The input of that name, where it can come: the ledger answers only what it was asked. */
function possible(what: string, request: string, { phase }: Turns<string>): Input | undefined {
  const isAsked = phase === 'reserving'
  switch (what) {
    case 'ask':
      return ask(request)
    case 'yes':
      return isAsked ? reserved : undefined
    case 'no':
      return isAsked ? denied : undefined
    case 'settled':
      return phase === 'settling' ? settled : undefined
    default:
      return { created, delta, completed, error }[what] ?? event('other')
  }
}
