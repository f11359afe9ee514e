import { expect, test } from 'vitest'
import { durationInWords, forecastInWords } from './forecast-words.ts'

const nowMs = Date.UTC(2026, 10, 22, 12, 30)

test.each([
  [{ kind: 'spent' }, null, 'spent'],
  [{ kind: 'idle' }, null, 'not used lately'],
  [{ kind: 'unknown' }, null, 'too little use to foresee its end'],
  [{ kind: 'lasts', tokensPerHour: 300 }, nowMs, 'at 300 an hour it lasts until its reset'],
  [{ kind: 'lasts', tokensPerHour: 300 }, null, 'at 300 an hour it lasts for more than a year'],
] as const)('the forecast %j is said so', (forecast, resetsAtMs, expected) => {
  expect(forecastInWords({ forecast, resetsAtMs }, nowMs)).toBe(expected)
})

test.each([
  [1, '1 min'],
  [89 * 60_000, '89 min'],
  [90 * 60_000, '2 h'],
  [47 * 3_600_000, '47 h'],
  [48 * 3_600_000, '2 days'],
])('%i ms are %s', (durationMs, expected) => {
  expect(durationInWords(durationMs)).toBe(expected)
})
