import { expect, test } from 'vitest'
import type { AuditList } from '../../controller/api.ts'
import { enforcementsOf, isCut } from './enforcements.ts'

type Entry = AuditList[number]
const entry = (enforcementId: string, phase: Entry['phase'], changes: Partial<Entry> = {}): Entry => ({
  ...{ sequence: 1, enforcementId, bottleId: 'web-1', action: 'cutoff', trigger: 'budget', phase, step: null },
  ...{ detail: `the ${phase} of ${enforcementId}`, atMs: 7 },
  ...changes,
})

test('an intent, its steps and its outcome are one; without an outcome it is open', () => {
  const audit = [
    entry('a', 'intent'),
    entry('b', 'intent', { action: 'restore', trigger: 'operator' }),
    entry('a', 'step', { step: 'close' }),
    entry('a', 'failed'),
  ]
  const enforcements = enforcementsOf(audit)
  expect(enforcements).toMatchObject([
    { action: 'cutoff', reason: 'the intent of a', outcome: 'failed', detail: 'the failed of a' },
    { action: 'restore', reason: 'the intent of b', outcome: 'open', detail: '' },
  ])
  expect(enforcements.map(isCut)).toEqual([true, false])
})

test('a limit that was exceeded needs no intent, and is no cut; what lost its intent is left out', () => {
  const enforcements = enforcementsOf([
    entry('a', 'done'),
    entry('b', 'done', { action: 'limit', detail: 'memory: …' }),
  ])
  expect(enforcements).toMatchObject([{ action: 'limit', reason: 'memory: …', outcome: 'done', detail: '' }])
  expect(enforcements.map(isCut)).toEqual([false])
})
