/** The keys that leave a bottle alone again. What may be their beginning is held back until the next key. */
import { BottleError } from '../../core/errors.ts'

export interface DetachKeys {
  push(typed: Buffer): { readonly pass: Buffer; readonly isDetached: boolean }
}

const maxKeys = 4

/** `ctrl-p,ctrl-q`: keys with Ctrl, and letters. Throws BottleError `usage`. */
export function createDetachKeys(text: string): DetachKeys {
  const keys = text.split(',').map(patternOf)
  if (keys.length > maxKeys) throw new BottleError('usage', `--detach-keys takes at most ${maxKeys} keys`)
  const all = new RegExp(keys.join(''))
  const beginnings = keys.slice(1).map((_, index) => new RegExp(`${keys.slice(0, index + 1).join('')}$`))
  let held = ''
  return {
    push(typed) {
      const input = held + typed.toString('latin1')
      const found = all.exec(input)
      const begun =
        found ??
        beginnings
          .toReversed()
          .map((beginning) => beginning.exec(input))
          .find((one) => one !== null)
      const passes = input.slice(0, begun?.index)
      held = found ? '' : input.slice(passes.length)
      return { pass: Buffer.from(passes, 'latin1'), isDetached: found !== null }
    },
  }
}

/** A key with Ctrl is a control character, or a sequence in a terminal that a program told to tell keys apart. */
function patternOf(name: string): string {
  const [, letter] = /^ctrl-([a-z@[\\\]^_])$/.exec(name) ?? []
  if (letter !== undefined) {
    const code = letter.charCodeAt(0)
    const control = (code & 0x1f).toString(16).padStart(2, '0')
    return `(?:\\x${control}|\\x1b\\[${code};5(?::1)?u|\\x1b\\[27;5;${code}~)`
  }
  if (/^[a-z]$/.test(name)) return name
  throw new BottleError('usage', `--detach-keys: "${name}" is no key that can be given`, {
    hint: 'Write keys with commas between them, e.g. ctrl-p,ctrl-q or ctrl-].',
  })
}
