import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTerminalModes } from './terminal-modes.ts'

function after(...pieces: readonly string[]) {
  const modes = createTerminalModes()
  for (const piece of pieces) modes.read(Buffer.from(piece, 'latin1'))
  return modes
}
const esc = '\u001b'

test('a terminal that comes later is switched as the first was, and back when it leaves', () => {
  const modes = after(`text${esc}[?1049h${esc}[?25l${esc}[?1000;1006h${esc}[?2004h${esc}[>1u${esc}[>4;2m${esc}=`)
  expect(modes.isOtherScreen).toBe(true)
  expect(modes.enter()).toBe(
    `${esc}[?1049h${esc}[?25l${esc}[?1000h${esc}[?1006h${esc}[?2004h${esc}[>1u${esc}[>4;2m${esc}=`,
  )
  expect(modes.leave()).toBe(
    `${esc}>${esc}[>4m${esc}[<u${esc}[0m${esc}[?2004l${esc}[?1006l${esc}[?1000l${esc}[?25h${esc}[?1049l`,
  )
})

test.each([
  ['nothing', []],
  ['what was switched back', [`${esc}[?25l${esc}[?1049h`, `${esc}[?1049l${esc}[?25h${esc}[>1u${esc}[<u${esc}=${esc}>`]],
  ['what is no mode', [`${esc}[31m${esc}[2J${esc}]0;${esc}\\`, 'x?25l']],
])('of %s nothing is left to switch back but colours', (_, pieces) => {
  const modes = after(...pieces)
  expect([modes.enter(), modes.leave(), modes.isOtherScreen]).toEqual(['', `${esc}[0m`, false])
})

test('modes are seen however the output is cut, and what undoes them leaves none', () => {
  const sequence = fc.constantFrom('[?25l', '[?1049h', '[?2004h', '[?1000;1006h', '[?7l', '[>1u', '[>4;1m', '=', '[31m')
  fc.assert(
    fc.property(fc.array(sequence, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), (sequences, length) => {
      const text = sequences.map((one) => `x${esc}${one}`).join('')
      const pieces = text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? []
      const modes = after(...pieces)
      expect(modes.enter()).toBe(after(text).enter())
      modes.read(Buffer.from(modes.leave(), 'latin1'))
      expect(modes.enter()).toBe('')
    }),
  )
})
