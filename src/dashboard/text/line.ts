/**
 * A line of the screen as data: spans of text with a tone. Only here does it become what a terminal obeys.
 * Safety: whatever a span holds (names, models, details) is made inert first, so nothing but our own tones is ever obeyed (S16).
 */
import { asciiOf } from '../../cli/ascii.ts'
import { inert } from '../../cli/inert.ts'
import { cut, widthOf } from '../../cli/table.ts'

export type Tone = 'plain' | 'dim' | 'strong' | 'title' | 'good' | 'warn' | 'bad' | 'accent' | 'selected'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

export type Line = readonly Span[]

/** What the terminal can show. */
export interface Drawing {
  readonly hasColor: boolean
  readonly hasUnicode: boolean
}

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text: inert(text), tone }
}

export function textOf(line: Line): string {
  return line.map(({ text }) => text).join('')
}

/** Where a line is longer than the screen is wide, its end is cut, never a column of the next line. */
export function cutLine(line: Line, widthColumns: number): Line {
  const kept: Span[] = []
  let left = widthColumns
  for (const one of line) {
    if (left <= 0) break
    const text = cut(one.text, left)
    kept.push({ ...one, text })
    left -= widthOf(text)
    if (text !== one.text) break
  }
  return kept
}

/** Sentences lose whole words; one that is longer than the line is cut as any text. */
export function cutBetweenWords(line: Line, widthColumns: number): Line {
  const text = textOf(line)
  if (widthOf(text) <= widthColumns) return line
  const kept = cut(text, widthColumns)
  const space = kept.lastIndexOf(' ')
  const end = space > widthColumns / 2 ? `${kept.slice(0, space).replace(/[\s,;:·]+$/, '')} …` : kept
  return [{ text: end, tone: line[0]?.tone ?? 'plain' }]
}

/** As many lines as it takes, each begun between words. */
export function wrapped(text: string, widthColumns: number, tone: Tone = 'plain'): readonly Line[] {
  const lines: string[] = []
  for (const word of inert(text).split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= widthColumns)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.map((line) => [{ text: cut(line, widthColumns), tone }])
}

/** As many of the parts as fit, in their order. */
export function joined(parts: readonly string[], widthColumns: number): string {
  return parts
    .filter((part) => part !== '')
    .reduce((line, part) => {
      const longer = line === '' ? part : `${line} · ${part}`
      return widthOf(longer) <= widthColumns ? longer : line
    }, '')
}

/** `end` at the right edge; where both do not fit, `end` goes. */
export function justified(start: Line, end: Line, widthColumns: number): Line {
  const gap = widthColumns - widthOf(textOf(start)) - widthOf(textOf(end))
  return gap < 1 ? start : [...start, { text: ' '.repeat(gap), tone: 'plain' }, ...end]
}

/** One tone from edge to edge. */
export function banner(line: Line, tone: Tone, widthColumns: number): Line {
  const text = textOf(cutLine(line, widthColumns))
  return [{ text: text + ' '.repeat(Math.max(0, widthColumns - widthOf(text))), tone }]
}

const colors: Readonly<Record<Tone, string>> = {
  plain: '',
  dim: '2',
  strong: '1',
  title: '1;4',
  good: '32',
  warn: '33',
  bad: '1;31',
  accent: '36',
  selected: '7',
}
/** Without colours what matters is still told apart: by weight and by the marks in the text. */
const weights: Readonly<Record<Tone, string>> = { ...colors, good: '', warn: '1', bad: '1', accent: '' }

export function paint(line: Line, { hasColor, hasUnicode }: Drawing): string {
  const codes = hasColor ? colors : weights
  return line
    .map(({ text, tone }) => {
      const safe = inert(text)
      const drawn = hasUnicode ? safe : asciiOf(safe)
      return codes[tone] === '' || drawn === '' ? drawn : `\u001b[${codes[tone]}m${drawn}\u001b[0m`
    })
    .join('')
}
