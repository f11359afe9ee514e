import { expect, test } from 'vitest'
import type { EgressLog } from '../core/manifest/definition.ts'
import type { Denied, EgressEvents, PassedRequest } from '../proxy/egress.ts'
import { loggedEvents } from './egress-log.ts'

const denied: Denied = {
  method: 'GET',
  host: 'a.test',
  path: '/x',
  status: 403,
  code: 'host_not_allowed',
  reason: 'no route',
}
const passed: PassedRequest = {
  httpVersion: '1.1',
  method: 'POST',
  host: 'b.test',
  path: '/y',
  verdict: 'routed',
  status: 200,
  requestBytes: 3,
  answerBytes: 5,
  tookMs: 7,
}

function logged(level: EgressLog, { learns = false } = {}) {
  const lines: object[] = []
  const told: Denied[] = []
  const events: EgressEvents = {
    started: () => {},
    progress: () => {},
    settled: () => {},
    spent: () => {},
    denied: (denial) => void told.push(denial),
  }
  const log = {
    write: (line: object) => void lines.push(line),
    flush: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  const both = loggedEvents(events, { log, level, learns, nowMs: () => 99 })
  both.denied(denied)
  both.passed?.(passed)
  return { lines, told, both }
}

test.each([
  [0, []],
  [1, [{ atMs: 99, verdict: 'refused', ...denied }]],
  [
    2,
    [
      { atMs: 99, verdict: 'refused', ...denied },
      { atMs: 99, ...passed },
    ],
  ],
] as const)('level %i writes what it is for, and whoever else listens is told as before', (level, expected) => {
  const { lines, told } = logged(level)
  expect(lines).toEqual(expected)
  expect(told).toEqual([denied])
})

test('below level 2 nobody asks the proxy for what passed', () => {
  expect(logged(1).both.passed).toBeUndefined()
})

test('what a bottle learns is written at every level', () => {
  for (const level of [0, 1, 2] as const) {
    const { lines, both } = logged(level, { learns: true })
    both.passed?.({ ...passed, verdict: 'learned' })
    expect(lines.at(-1)).toEqual({ atMs: 99, ...passed, verdict: 'learned' })
    if (level < 2) expect(lines).not.toContainEqual({ atMs: 99, ...passed })
  }
})

test('long paths and hosts are cut', () => {
  const { lines, both } = logged(1)
  both.denied({ ...denied, host: 'h'.repeat(5_000), path: 'p'.repeat(5_000) })
  expect(JSON.stringify(lines.at(-1)).length).toBeLessThan(2_300)
})
