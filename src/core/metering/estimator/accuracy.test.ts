import { expect, test } from 'vitest'
import { accuracyOf } from './accuracy.ts'
import { startRecord } from './model-record.ts'

test('tells errors of either side, the margin, and how many counts were beyond it, in percent', () => {
  const outcomes = [0.01, -0.02, 0.03].map((error) => ({ error, margin: 0.125 }))
  const record = { ...startRecord(), outcomes, samples: 400, underestimates: 3, updatedAtMs: 7 }
  expect(accuracyOf({ provider: 'p', model: 'm', record })).toEqual({
    provider: 'p',
    model: 'm',
    samples: 400,
    meanErrorPercent: 2,
    p95ErrorPercent: 3,
    marginPercent: 12.5,
    underestimatesPercent: 0.75,
    updatedAtMs: 7,
  })
})

test('has a value for everything before anything was learned', () => {
  const accuracy = accuracyOf({ provider: 'p', model: '', record: startRecord() })
  expect(accuracy).toMatchObject({ samples: 0, meanErrorPercent: 0, p95ErrorPercent: 0, underestimatesPercent: 0 })
})
