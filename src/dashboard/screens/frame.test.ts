import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { widthOf } from '../../cli/table.ts'
import type { Intent } from '../model/keys.ts'
import { perform } from '../model/perform.ts'
import { reduce } from '../model/reduce.ts'
import type { State } from '../model/state.ts'
import { after, auditEntries, bottle, busyDay, events, nowMs, settled } from '../stage.fixture.ts'
import { type Drawing, paint, textOf } from '../text/line.ts'
import { frame } from './frame.ts'

// Times are those of the user's clock.
process.env.TZ = 'UTC'

const small = { columns: 80, rows: 24 }
const large = { columns: 160, rows: 48 }
const plain: Drawing = { hasColor: false, hasUnicode: true }
const day = busyDay()
const intend = (state: State, ...intents: readonly Intent[]) =>
  intents.reduce((before, intent) => perform(before, intent).state, state)
const show = (state: State, page = small) => frame(state, page).map((line) => textOf(line).trimEnd())
const budgets = intend(day, { kind: 'show', screen: 'budgets' })
const audit = intend(day, { kind: 'show', screen: 'audit' })
const looked = reduce(
  intend(day, { kind: 'move', by: 'row', direction: 1 }, { kind: 'open' }),
  { kind: 'detail', id: 'web-0c11', part: { exchanges: [] } },
  nowMs,
).state
const exchange = reduce(
  looked,
  events(settled('web-0c11', 'z', { ending: 'client_gone', source: 'partial' })),
  nowMs,
).state

describe('on 80 columns and 24 rows', () => {
  it('the bottles are a line each, what is in trouble marked and on top', () => {
    expect(show(day).slice(0, 10)).toMatchSnapshot()
  })

  it('the budgets say how much is used, at which rate, and where that leads', () => {
    expect(show(budgets).slice(0, 10)).toMatchSnapshot()
  })

  it('one bottle shows its budgets, its tokens by class, what is in flight and its exchanges', () => {
    expect(show(exchange).slice(0, 14)).toMatchSnapshot()
  })

  it('the audit says of the selected line all that is known', () => {
    expect(show(audit)).toMatchSnapshot()
  })
})

it('on 160 columns bottles have their tokens by class and whose budget it is, budgets their last hour', () => {
  expect([...show(day, large).slice(0, 10), ...show(budgets, large).slice(3, 10)]).toMatchSnapshot()
})

it('a lost controller is told before anything else, with what was known still there', () => {
  const lost = reduce(day, { kind: 'lost', why: 'it has ended' }, nowMs).state
  const [first, second, , , fifth] = show({ ...lost, nowMs: nowMs + 7_000 })
  expect(first).toMatch(/! lost for 7 s/)
  expect(second).toBe(' The controller is not heard: it has ended. Shown is what was known; it is …')
  expect(fifth).toContain('spent-4d')
})

it('asks in the last line but one what is to be confirmed, by the name of the bottle', () => {
  expect(show(intend(day, { kind: 'kill' })).at(-2)).toBe(' Kill spent-4d, and remove what it changed? (y/n)')
  const raise = intend(day, { kind: 'raise' }, { kind: 'type', text: '9' })
  expect(show(raise).at(-2)?.replaceAll('\u202f', ' ')).toBe(
    ' Limit of run:spent-4d (claude, now 2 500, 2 501 used): 9_',
  )
})

const states: readonly State[] = [
  ...[day, budgets, audit, exchange, intend(day, { kind: 'help' }), intend(day, { kind: 'freeze' }), after()],
  ...(['routes', 'denials', 'audit'] as const).map((section) => ({
    ...exchange,
    detail: { id: 'web-0c11', section, offset: 0, audit: auditEntries },
  })),
]

it('is as large as the terminal and no larger, from 1×1 to 240×60, with the selection on the screen', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...states),
      fc.integer({ min: 1, max: 240 }),
      fc.integer({ min: 1, max: 60 }),
      (state, columns, rows) => {
        const lines = frame(state, { columns, rows })
        expect(lines).toHaveLength(rows)
        for (const line of lines) expect(widthOf(textOf(line))).toBeLessThanOrEqual(columns)
        const isList = columns >= 60 && rows >= 12 && state.isLoaded && !state.isHelping && !state.detail
        if (isList) expect(lines.filter((line) => textOf(line).startsWith('▸'))).toHaveLength(1)
      },
    ),
    { numRuns: 300 },
  )
})

it('shows a list that is longer than the screen around its selection, which stands still within a page', () => {
  const many = after({ kind: 'bottles', bottles: Array.from({ length: 50 }, (_, index) => bottle(`b-${index + 100}`)) })
  for (let row = 0, state = many; row < 50; row += 1) {
    const marked = show(state).filter((line) => line.startsWith('▸'))
    expect(marked).toEqual([expect.stringContaining(`b-${row + 100}`)])
    expect(show(state).join('\n')).toMatch(row < 17 ? / 1–17 of 50\n/ : row < 34 ? / 18–34 of 50\n/ : / 34–50 of 50\n/)
    state = intend(state, { kind: 'move', by: 'row', direction: 1 })
  }
})

describe('what is drawn', () => {
  const hostile = '\u001b]52;c;AAAA\u0007\u001b[2Jevil\u202e\u009b31m\r\n'
  const poisoned = reduce(
    reduce(
      { ...exchange, bottles: new Map([['web-0c11', bottle('web-0c11', { agent: hostile, definitions: [hostile] })]]) },
      events(settled('web-0c11', 'y', { model: hostile, ending: hostile })),
      nowMs,
    ).state,
    { kind: 'told', text: hostile, tone: 'bad' },
    nowMs,
  ).state

  it.each([true, false])('obeys nothing that names, models and messages hold (S16), colours %s', (hasColor) => {
    for (const state of [poisoned, { ...poisoned, detail: undefined }]) {
      const drawn = frame(state, large).map((line) => paint(line, { hasColor, hasUnicode: true }))
      expect(drawn.join('')).toContain('evil')
      const ours = new RegExp(`${'\u001b'}\\[(?:0|1|2|7|3[0-7]|1;31|1;4)m`, 'g')
      for (const line of drawn) expect(line.replaceAll(ours, '')).toMatch(/^[^\p{Cc}\u202e]*$/u)
    }
  })

  it('has no colour where none is wanted, and tells the selection all the same', () => {
    const drawn = frame(day, small).map((line) => paint(line, plain))
    expect(drawn.join('')).not.toMatch(new RegExp(`${'\u001b'}\\[[0-9;]*3\\d`))
    expect(drawn.find((line) => line.includes('▸'))).toContain('\u001b[7m')
  })

  it('is ASCII where the terminal cannot show more, and as wide', () => {
    for (const state of states)
      for (const line of frame(state, large)) {
        const drawn = paint(line, { hasColor: false, hasUnicode: false }).replaceAll(
          new RegExp(`${'\u001b'}\\[\\d+(?:;\\d+)*m`, 'g'),
          '',
        )
        expect(drawn).toMatch(/^[\x20-\x7e]*$/)
        expect(drawn).toHaveLength(widthOf(textOf(line)))
      }
  })
})
