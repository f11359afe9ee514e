import { expect, test } from 'vitest'
import { createReplay } from './replay.ts'

const replayed = (text: string, maxBytes?: number) => {
  const replay = createReplay(maxBytes)
  for (let from = 0; from < text.length; from += 7) replay.push(Buffer.from(text.slice(from, from + 7)))
  return replay.bytes().toString()
}

test.each([
  ['what the terminal is', '\u001b[c\u001b[>c\u001b[=0c\u001b[>0q'],
  ['where its cursor is, and how it is', '\u001b[6n\u001b[?996n\u001b[14t\u001b[x'],
  ['its modes and keys', '\u001b[?2026$p\u001b[?u\u0005'],
  ['its colours, and what it can do', '\u001b]11;?\u0007\u001bP+q544e\u001b\\\u001b_Gi=1;AAAA\u001b\\'],
])('does not ask again %s', (_, asked) => {
  expect(replayed(`a${asked}\u001b[31mü\u001b[?25l`)).toBe('a\u001b[31mü\u001b[?25l')
})

test('sets no clipboard and no title again', () => {
  expect(replayed('\u001b]52;c;Zm9v\u0007\u001b]0;title\u0007x')).toBe('x')
})

test('begins with a line when it is too much for all of it, and stays in its bounds', () => {
  const lines = Array.from({ length: 100 }, (_, index) => `\u001b[1mline ${index}\u001b[0m\n`)
  const text = replayed(lines.join(''), 200)
  expect(text.length).toBeLessThanOrEqual(200)
  expect(text).toBe(lines.slice(-text.split('\n').length + 1).join(''))
})

test('without a line begins with a sequence', () => {
  expect(replayed(`${'x'.repeat(300)}\u001b[H${'y'.repeat(50)}`, 100)).toBe(`\u001b[H${'y'.repeat(50)}`)
})
