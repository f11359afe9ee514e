import { expect, test } from 'vitest'
import { defaultRows, leftOutNotice, type RowLimitOptions, rowLimit } from './row-limit.ts'

test.each<[string, RowLimitOptions, number | undefined]>([
  ['a table has some', { by: 'bottle' }, defaultRows],
  ['a table has as many as are asked for', { by: 'model', limit: 7 }, 7],
  ['CSV has all', { by: 'bottle', csv: true }, undefined],
  ['JSON has all', { by: 'bottle', json: true }, undefined],
  ['JSON has as many as are asked for', { by: 'bottle', json: true, limit: 7 }, 7],
  ['days are all shown', { by: 'day' }, undefined],
  ['hours are all shown', { by: 'hour' }, undefined],
])('%s', (_, options, rows) => {
  expect(rowLimit(options)).toBe(rows)
})

test('a limit of times is refused, with what limits them', () => {
  expect(() => rowLimit({ by: 'day', limit: 3 })).toThrow('--limit is of no use with --by day')
})

test.each<[string, RowLimitOptions, number, boolean]>([
  ['not everything is shown', { by: 'bottle' }, defaultRows + 1, true],
  ['everything is shown', { by: 'bottle' }, defaultRows, false],
  ['the user said how many', { by: 'bottle', limit: 1 }, 2, false],
])('where %s there is a notice, or none', (_, options, rows, isSaid) => {
  expect(leftOutNotice(options, rows) !== undefined).toBe(isSaid)
})
