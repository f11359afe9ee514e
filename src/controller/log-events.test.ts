import { expect, test } from 'vitest'
import { createLog, type LogLine } from '../host/log.ts'
import type { ControllerEvent } from './api.ts'
import { createEventBus } from './event-bus.ts'
import { logEvents } from './log-events.ts'

const cut: Omit<Extract<ControllerEvent, { kind: 'enforcement' }>, 'phase'> = {
  ...{ kind: 'enforcement', bottleId: 'web-1', action: 'cutoff', trigger: 'budget' },
  ...{ detail: 'nothing flows', reason: 'budget spent (run web-1)', atMs: 1 },
}

test.each([
  [{ ...cut, phase: 'intent' }, 'warn', 'cutoff begins: budget spent (run web-1)'],
  [{ ...cut, phase: 'done' }, 'warn', 'cutoff is done: nothing flows'],
  [{ ...cut, phase: 'done', trigger: 'operator' }, 'info', 'cutoff is done: nothing flows'],
  [{ ...cut, phase: 'failed', trigger: 'operator' }, 'error', 'cutoff failed: nothing flows'],
  [
    { kind: 'limit', bottleId: 'web-1', limit: 'memory', detail: 'a process was ended', atMs: 1 },
    'warn',
    'web-1 exceeded its memory; a process was ended',
  ],
  [
    {
      ...{ kind: 'denied', bottleId: 'web-1', method: 'GET', host: 'a.test', path: '/x', status: 403, code: 'c' },
      ...{ reason: 'no route', atMs: 1 },
    },
    'debug',
    'refused: no route',
  ],
] satisfies readonly (readonly [ControllerEvent, string, string])[])('%j is told at %s: %s', (event, level, msg) => {
  const lines: LogLine[] = []
  const bus = createEventBus()
  using _logging = logEvents(
    bus,
    createLog({ level: 'debug', nowMs: () => 0, clean: (text: string) => text, write: (line) => lines.push(line) }),
  )
  bus.emit(event)
  expect(lines).toEqual([expect.objectContaining({ level, msg, event: event.kind, bottle: 'web-1' })])
})
