/**
 * What a program has switched its terminal to, read from its output: a terminal that comes later is switched to the same, and each
 * is switched back when it leaves.
 */
import { sequences } from '../terminal-sequences.ts'

export interface TerminalModes {
  /** Output in any pieces; a sequence that is cut in two is seen all the same. */
  read(bytes: Buffer): void
  /** The program draws on the other screen, which it draws anew when the terminal's size changes. */
  readonly isOtherScreen: boolean
  /** What switches a terminal as it was found to what it is now. */
  enter(): string
  /** And back. */
  leave(): string
}

/** More than any terminal knows. */
const maxModes = 64
/** Longer ones switch no mode. */
const maxCutCharacters = 64
/** Autowrap and the cursor: on unless switched off. */
const onAtFirst: ReadonlySet<number> = new Set([7, 25])
const otherScreens: readonly number[] = [47, 1047, 1049]
/** Holds the screen still until it is over: nothing to begin with. */
const synchronizedOutput = 2026

// Behind the escape.
const switching = /^\[\?([\d;]+)([hl])$/
const keyboardPushed = /^\[>(\d*)u$/
const keyboardPopped = /^\[<(\d*)u$/
const otherKeys = /^\[>4;?(\d*)m$/

export function createTerminalModes(): TerminalModes {
  /** Those that are not as at first, in the order in which they were switched. */
  const switched = new Map<number, 'h' | 'l'>()
  let keyboards: readonly string[] = []
  let keysLevel = ''
  let isKeypad = false
  let cut = ''

  const readSequence = (sequence: string) => {
    const said = sequence.slice(1)
    const [, numbers = '', state] = switching.exec(said) ?? []
    if (state === 'h' || state === 'l') {
      for (const mode of numbers.split(';').map(Number)) {
        switched.delete(mode)
        if ((state === 'h') !== onAtFirst.has(mode) && switched.size < maxModes) switched.set(mode, state)
      }
      return
    }
    const [, flags] = keyboardPushed.exec(said) ?? []
    if (flags !== undefined) keyboards = [...keyboards, flags].slice(-maxModes)
    const [, popped] = keyboardPopped.exec(said) ?? []
    if (popped !== undefined) keyboards = keyboards.slice(0, -Number(popped || 1))
    const [, level] = otherKeys.exec(said) ?? []
    if (level !== undefined) keysLevel = level === '0' ? '' : level
    if (said === '=' || said === '>') isKeypad = said === '='
  }

  return {
    read(bytes) {
      const text = cut + bytes.toString('latin1')
      let readTo = 0
      for (const { 0: sequence, index } of text.matchAll(sequences)) {
        readSequence(sequence)
        readTo = index + sequence.length
      }
      const begun = text.lastIndexOf('\u001b')
      cut = begun >= readTo && text.length - begun <= maxCutCharacters ? text.slice(begun) : ''
    },
    get isOtherScreen() {
      return otherScreens.some((mode) => switched.has(mode))
    },
    enter() {
      const modes = [...switched].filter(([mode]) => mode !== synchronizedOutput)
      return [
        ...modes.map(([mode, state]) => `\u001b[?${mode}${state}`),
        ...keyboards.map((flags) => `\u001b[>${flags}u`),
        ...(keysLevel === '' ? [] : [`\u001b[>4;${keysLevel}m`]),
        ...(isKeypad ? ['\u001b='] : []),
      ].join('')
    },
    leave() {
      return [
        ...(isKeypad ? ['\u001b>'] : []),
        ...(keysLevel === '' ? [] : ['\u001b[>4m']),
        ...keyboards.map(() => '\u001b[<u'),
        '\u001b[0m',
        ...[...switched].toReversed().map(([mode, state]) => `\u001b[?${mode}${state === 'h' ? 'l' : 'h'}`),
      ].join('')
    },
  }
}
