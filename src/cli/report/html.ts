/**
 * HTML in which nothing but what stands in our own templates is markup: whatever is put in is escaped, and made inert as for a
 * terminal. Names come from files, models and hosts from bottles (S16).
 */
import { inert } from '../inert.ts'

/** Only `html` makes them. */
export interface Html {
  readonly markup: string
}

type Part = Html | string | number | readonly Html[]

/** For text and for attributes in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: strings.map((text, index) => (index === 0 ? '' : markupOf(parts[index - 1] ?? '')) + text).join('') }
}

export const nothing: Html = html``

function markupOf(part: Part): string {
  if (typeof part === 'string') return escaped(part)
  if (typeof part === 'number') return String(part)
  return 'markup' in part ? part.markup : part.map(({ markup }) => markup).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return inert(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
