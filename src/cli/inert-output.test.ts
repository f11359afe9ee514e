import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createInertOutput } from './inert-output.ts'

function inertOf(text: string, pieceLength = text.length): string {
  const output = createInertOutput()
  let shown = ''
  for (let from = 0; from < text.length; from += pieceLength) shown += output.push(text.slice(from, from + pieceLength))
  return shown + output.end()
}

test.each([
  ['colours', '\u001b[1;31mred\u001b[0m \u001b[38:2::1:2:3mx', 'red x'],
  ['moves and modes', 'a\u001b[2J\u001b[?1049h\u001b[10;5Hb\u001b7\u001b=\u001b(B', 'ab'],
  ['a title, the clipboard, a link', '\u001b]0;t\u0007\u001b]52;c;Zm9v\u001b\\\u001b]8;;http://x\u001b\\link', 'link'],
  ['a device control string', '\u001bP+q544e\u001b\\x', 'x'],
  ['other controls', 'a\u0001\u0008\u009b31mb\u202e', 'a\\u0001\\u0008\\u009b31mb\\u202e'],
  ['line ends of a terminal', 'a\r\nb\r\r\nc\n', 'a\nb\nc\n'],
  ['a line that overwrites itself', '10%\r20%\rdone\r\n', '10%\n20%\ndone\n'],
  ['a tab', 'a\tb', 'a\tb'],
  ['an escape that begins nothing', 'a\u001b\u001b[31mb\u001b', 'a\\u001bb\\u001b'],
  ['a string that never ends', `\u001b]0;${'x'.repeat(5000)}`, `\\u001b]0;${'x'.repeat(5000)}`],
])('shows %s as plain text (S16)', (_, text, shown) => {
  expect(inertOf(text)).toBe(shown)
})

test('shows the same however the output is cut, and nothing that a terminal obeys (S16)', () => {
  const parts = ['\u001b', '[', '31', 'm', ']', '0;', '\u0007', '\\', '\r', '\n', 'x', ' ', '\u009b', 'P', '?']
  const output = fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((words) => words.join(''))
  fc.assert(
    fc.property(output, fc.integer({ min: 1, max: 7 }), (text, pieceLength) => {
      const whole = inertOf(text)
      expect(inertOf(text, pieceLength)).toBe(whole)
      expect(whole).toMatch(/^[\n\x20-\x7e]*$/)
    }),
  )
})
