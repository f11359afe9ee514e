/**
 * What a program printed for its terminal, as plain lines (S16): colours, titles and moves of the cursor are left out, and every
 * other character that is not plain text is shown by its number. A line that overwrites itself is several lines.
 */
import { visible } from './inert.ts'
import { begunSequence, maxSequenceCharacters, sequences } from './terminal-sequences.ts'

export interface InertOutput {
  /** What can be shown of it so far. */
  push(text: string): string
  end(): string
}

export function createInertOutput(): InertOutput {
  /** The beginning of a sequence. */
  let begun = ''
  /** The first half of a line end. */
  let returns = ''
  const push = (text: string) => {
    const all = begun + text
    const found = begunSequence.exec(all)?.index ?? all.length
    const from = all.length - found > maxSequenceCharacters ? all.length : found
    begun = all.slice(from)
    return linesOf(all.slice(0, from).replaceAll(sequences, ''))
  }
  const linesOf = (text: string) => {
    const all = returns + text
    let to = all.length
    while (all[to - 1] === '\r') to -= 1
    returns = all.slice(to)
    return inLines(all.slice(0, to))
  }
  return { push, end: () => linesOf(begun) + inLines(returns) }
}

function inLines(text: string): string {
  return text
    .split(/\r+\n|\n|\r+/)
    .map(visible)
    .join('\n')
}
