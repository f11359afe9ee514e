import { expect, test } from 'vitest'
import { usageRow } from './rows.fixture.ts'
import { maxAxisTimes, timeAxis } from './time-axis.ts'

const at = (text: string) => Date.parse(`2026-${text}Z`)
const days = ['2026-11-20', '2026-11-22'].map((group) => usageRow({ group }))
const shape = (axis: ReturnType<typeof timeAxis>) => axis.map(({ time, rows }) => [time, rows.length])

test('has every day from the first that was used to now', () => {
  expect(shape(timeAxis(days, { by: 'day', sinceMs: undefined, untilMs: at('11-23T00:00:01') }))).toEqual([
    ['2026-11-20', 1],
    ['2026-11-21', 0],
    ['2026-11-22', 1],
    ['2026-11-23', 0],
  ])
})

test('goes from --since to --until, which is not in it', () => {
  const rules = { by: 'hour', sinceMs: at('11-21T23:30'), untilMs: at('11-22T02:00') } as const
  expect(shape(timeAxis([usageRow({ group: '2026-11-22T00:00Z' })], rules))).toEqual([
    ['2026-11-21T23:00Z', 0],
    ['2026-11-22T00:00Z', 1],
    ['2026-11-22T01:00Z', 0],
  ])
})

test('has the rows of all providers of a time', () => {
  const rows = ['claude', 'codex'].map((provider) => usageRow({ group: '2026-11-22', provider }))
  expect(shape(timeAxis(rows, { by: 'day', sinceMs: undefined, untilMs: at('11-22T10:00') }))).toEqual([
    ['2026-11-22', 2],
  ])
})

test('shows also what a clock that went back has left beyond now (L13)', () => {
  expect(shape(timeAxis(days, { by: 'day', sinceMs: undefined, untilMs: at('11-21T08:00') }))).toHaveLength(3)
})

test('without use there is no axis', () => {
  expect(timeAxis([], { by: 'day', sinceMs: 0, untilMs: at('11-22T00:00') })).toEqual([])
})

test('an axis that is too long is refused, with what would work', () => {
  const axis = (count: number) =>
    timeAxis(days.slice(0, 1), { by: 'day', sinceMs: undefined, untilMs: at('11-20T00:00') + count * 86_400_000 })
  expect(axis(maxAxisTimes)).toHaveLength(1_000)
  expect(() => axis(maxAxisTimes + 1)).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: 'these are 1001 days, and a table shows 1000 at most',
      hint: expect.stringContaining('--since'),
    }),
  )
})
