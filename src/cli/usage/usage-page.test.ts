/** What the tables of docs/usage.md say is so. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseTime } from '../time.ts'

const page = readFileSync(new URL('../../../docs/usage.md', import.meta.url), 'utf8')

/** The rows of the table whose head begins with this cell, without the head and without marks of code. */
function table(firstCell: string): readonly (readonly string[])[] {
  const [, body] = page.split(`| ${firstCell} |`)
  if (body === undefined) throw new Error(`the page has no table "${firstCell}"`)
  const lines = body.split('\n\n', 1)[0]?.split('\n').slice(2) ?? []
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

test.each(table('at 2026-11-22 12:00 UTC'))('the time %s is %s', (written, expected) => {
  const parsed = parseTime(written ?? '', Date.UTC(2026, 10, 22, 12))
  expect(parsed.kind === 'time' ? parsed.timeMs : parsed.why).toBe(
    parsed.kind === 'time' ? Date.parse(expected ?? '') : expected,
  )
})
