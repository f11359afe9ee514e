import { expect, test } from 'vitest'
import type { ControllerEvent } from '../controller/api.ts'
import { isRung, noticeOf } from './notices.ts'

const counter = {
  scope: 'run:claude-x1',
  provider: 'claude',
  period: 'total',
  limitTokens: 200_000,
  settledTokens: 160_000,
  reservedTokens: 0,
}
const enforcement = { kind: 'enforcement', bottleId: 'claude-x1', trigger: 'budget', reason: '', atMs: 1 } as const

test.each<[string, ControllerEvent, string | undefined]>([
  [
    'a warning names the budget, what is used and the limit',
    { kind: 'warning', bottleId: 'claude-x1', thresholdPercent: 80, counter, atMs: 1 },
    '80 % of the budget is used (run claude-x1): 160\u202f000 of 200\u202f000 claude tokens',
  ],
  [
    'a cut is told with its reason as soon as it holds',
    { ...enforcement, action: 'cutoff', phase: 'intent', detail: 'bot-bottle: budget spent' },
    'cut off: budget spent',
  ],
  [
    'that a cut succeeded is nothing new',
    { ...enforcement, action: 'cutoff', phase: 'done', detail: 'verified' },
    undefined,
  ],
  [
    'that it failed is',
    { ...enforcement, action: 'kill', phase: 'failed', detail: 'the holder is still there' },
    'kill failed: the holder is still there',
  ],
  [
    'what was done about a limit',
    { kind: 'limit', bottleId: 'claude-x1', limit: 'memory', detail: 'the process node was ended', atMs: 1 },
    'the bottle exceeded its memory: the process node was ended',
  ],
  [
    'a kill',
    { ...enforcement, action: 'kill', phase: 'intent', detail: 'asked by an operator' },
    'killed: asked by an operator',
  ],
  [
    'a restore',
    { ...enforcement, action: 'restore', phase: 'intent', detail: 'asked by an operator' },
    'restored: asked by an operator',
  ],
  [
    'single exchanges are not told',
    {
      kind: 'denied',
      bottleId: 'x',
      method: 'GET',
      host: 'h',
      path: '/',
      status: 403,
      code: 'host_not_allowed',
      reason: 'no route',
      atMs: 1,
    },
    undefined,
  ],
])('%s', (_, event, expected) => {
  expect(noticeOf(event)).toBe(expected)
})

test('the terminal rings at what the settings name, and at nothing else', () => {
  const cut: ControllerEvent = { ...enforcement, action: 'cutoff', phase: 'intent', detail: 'spent' }
  const warning: ControllerEvent = { kind: 'warning', bottleId: 'claude-x1', thresholdPercent: 80, counter, atMs: 1 }
  expect([isRung(cut, ['cutoff']), isRung(warning, ['cutoff']), isRung(cut, [])]).toEqual([true, false, false])
})
