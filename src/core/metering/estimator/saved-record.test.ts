import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { featureCount } from './byte-features.ts'
import { learnLesson, type ModelRecord, startRecord } from './model-record.ts'
import { maxSavedCharacters, readRecord, writeRecord } from './saved-record.ts'

function learned(lessons: number): ModelRecord {
  let record = startRecord()
  for (let turn = 0; turn < lessons; turn++) {
    const features = Float64Array.from({ length: featureCount }, (_, index) => 100 + ((turn * 31 + index * 17) % 900))
    const tokens = 900 + ((turn * 37) % 500)
    const kind = turn % 3 === 0 ? 'fresh' : 'continued'
    const counts = { expectedTokens: tokens - 90, upperTokens: tokens + 60, inputTokens: tokens, scaleTokens: tokens }
    record = learnLesson(record, { kind, features, tokens, nowMs: turn, ...counts })
  }
  return record
}

describe('what was learned', () => {
  it('reads again as it was written, but for how sure it was', () => {
    for (const lessons of [0, 1, 7, 400]) {
      const record = learned(lessons)
      const text = writeRecord(record)
      expect(text.length).toBeLessThan(maxSavedCharacters / 2)
      const read = readRecord(text) ?? expect.fail('it was written here')
      expect(writeRecord(read)).toBe(text)
      expect(read.samples).toBe(lessons)
      expect(read.windows.fresh.margin).toBeCloseTo(record.windows.fresh.margin, 5)
      expect(Array.from(read.regression.weights)).toEqual(
        Array.from(record.regression.weights, (weight) => expect.closeTo(weight, 5)),
      )
    }
  })

  const written = JSON.parse(writeRecord(learned(40)))

  it.each<readonly [name: string, text: string]>([
    ['nothing', ''],
    ['no JSON', '{"weights":'],
    ['another type', '"text"'],
    ['null', 'null'],
    ['a text beyond any record', `${JSON.stringify(written)}${' '.repeat(maxSavedCharacters)}`],
    ...Object.entries({
      'no weights': { weights: undefined },
      'a weight out of its range': { weights: { ...written.weights, lower: 40 } },
      'a negative weight': { weights: { ...written.weights, digit: -0.1 } },
      'a weight that is no number': { weights: { ...written.weights, digit: '0.5' } },
      'no errors': { fresh: [] },
      'an error beyond any': { continued: [0.1, 99] },
      'more errors than are kept': { continued: Array(5_000).fill(0.1) },
      'outcomes that are no pairs': { outcomes: [[0.1], 7] },
      'a negative number of samples': { samples: -3 },
      'a fraction of a sample': { samples: 0.5 },
      'no time': { updatedAtMs: null },
    }).map(([name, change]) => [name, JSON.stringify({ ...written, ...change })] as const),
  ])('is not taken from %s', (_, text) => {
    expect(readRecord(text)).toBeUndefined()
  })

  it('is never an error, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify({ ...written, weights: value })),
        ),
        (text) => {
          readRecord(text)
        },
      ),
    )
  })
})
