import { expect, test } from 'vitest'
import { csvLines } from './csv.ts'

test('is a line of names and a line for each row; what is absent is empty', () => {
  const rows = [{ group: 'a', tokens: 1_234_567 }, { group: '', tokens: 0 }, { tokens: null }]
  expect(csvLines(['group', 'tokens'], rows)).toEqual(['group,tokens', 'a,1234567', ',0', ','])
})

test.each([
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', 'two lines'],
  ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@sum', "'@sum"],
  ['\t=1+1', ' =1+1'],
  ['\x1b[31m=1', '[31m=1'],
  ['gpt-5', 'gpt-5'],
])('the text %j is written as %s: no cell breaks out, and none is run by a spreadsheet (S16)', (text, expected) => {
  expect(csvLines(['a'], [{ a: text }])[1]).toBe(expected)
})
