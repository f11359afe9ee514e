import { expect, test } from 'vitest'
import { inert, inertJson } from './inert.ts'
import { tableLines } from './table.ts'

const columns = [{ title: 'ID' }, { title: 'TOKENS', align: 'right' }, { title: 'NOTE' }] as const

test('columns are as wide as their content, numbers to the right with thin grouping', () => {
  const lines = tableLines(
    columns,
    [
      ['claude-x1y2', 1_234_567, ''],
      ['run-a', 999, 'uncontained'],
      ['b', null, 'x'],
    ],
    Number.POSITIVE_INFINITY,
  )
  expect(lines).toEqual([
    'ID              TOKENS  NOTE',
    'claude-x1y2  1\u202f234\u202f567',
    'run-a              999  uncontained',
    'b                       x',
  ])
})

test('a narrow terminal cuts the widest texts and no number', () => {
  const lines = tableLines(columns, [['a-very-long-identifier', 1_234_567, 'a note that goes on and on']], 40)
  expect(lines[1]).toMatch(/^a-very-lo\S*… {2}1\u202f234\u202f567 {2}a note th.*…$/)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(40)
})

test('wide characters take two columns', () => {
  expect(
    tableLines(
      [{ title: 'A' }, { title: 'B' }],
      [
        ['日本', 'x'],
        ['ab', 'y'],
      ],
      80,
    ),
  ).toEqual(['A     B', '日本  x', 'ab    y'])
})

const hostile = 'a\x1b]52;c;aGk=\x07b\x9b31mc\u202ed\ne\x7f'

test('names cannot move the cursor, set a title or reach the clipboard (S16)', () => {
  const line = tableLines([{ title: 'A' }], [[hostile]], 80)[1]
  expect(line).toBe('a]52;c;aGk=b31mcd e')
  expect(inert(hostile)).toBe(line)
})

test('JSON keeps every character, but none of them active (S16)', () => {
  const json = inertJson({ name: hostile })
  expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
  expect(JSON.parse(json)).toEqual({ name: hostile })
})
