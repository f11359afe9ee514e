import { expect, it } from 'vitest'
import type { UsageEvent } from '../../src/ledger/ledger.ts'
import { compareBooks, type ServedExchange } from '../fakes/check-books.ts'

const reported = { inputTokens: 30, outputTokens: 70 }
const served = (model: string, changes: Partial<ServedExchange> = {}): ServedExchange => ({
  model,
  path: '/v1/messages',
  status: 200,
  reported,
  billed: reported,
  end: 'complete',
  ...changes,
})
const event = (model: string, changes: Partial<UsageEvent> = {}) =>
  ({ model, chargeTokens: 100, source: 'authoritative', ending: 'complete', ...changes }) as UsageEvent
const unseen = (model: string, chargeTokens: number) =>
  event(model, { chargeTokens, source: 'estimated', ending: 'controller_gone' })
const whole = (model: string) => ({ model, status: 200, isWhole: true })
const clean = { lost: [], doubled: [], wrong: [], short: [] }

it('finds nothing wrong with what is charged as reported, nor with a hold for what nobody saw', () => {
  const found = compareBooks({
    served: [served('a'), served('b', { end: 'aborted', reported: { inputTokens: 30 } }), served('c', { billed: {} })],
    seen: [whole('a')],
    events: [event('a'), unseen('b', 60)],
  })
  expect(found).toEqual({ ...clean, served: 2, exact: 1, unseen: 1, lostOnTheWay: 0, mostShortTokens: 0 })
})

it('counts apart what was told and lost on its way', () => {
  const found = compareBooks({ served: [served('a')], seen: [], events: [unseen('a', 60)] })
  expect(found).toMatchObject({ ...clean, lostOnTheWay: 1, mostShortTokens: 40 })
})

it.each([
  ['lost', 'that no event charges', served('a'), []],
  ['doubled', 'that two events charge', served('a'), [event('a'), event('a')]],
  ['wrong', 'of which the ledger says what the provider did not', served('a'), [event('a', { chargeTokens: 99 })]],
  ['wrong', 'that is charged and was never served', served('b', { billed: {} }), [event('a')]],
  ['wrong', 'that somebody saw whole, and the ledger only in part', served('a'), [event('a', { source: 'partial' })]],
  ['wrong', 'that never ends', served('a', { end: 'open' }), [event('a')]],
  ['short', 'below what its client had whole', served('a'), [unseen('a', 99)]],
  ['short', 'below its input', served('a', { end: 'aborted' }), [unseen('a', 29)]],
] as const)('calls %s an exchange %s', (kind, what, exchange, events) => {
  const isSeen = what !== 'below its input'
  const found = compareBooks({ served: [exchange], seen: isSeen ? [whole('a')] : [], events })
  expect(found[kind]).toHaveLength(1)
  expect(found).toMatchObject({ ...clean, [kind]: found[kind] })
})
