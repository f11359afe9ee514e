/**
 * Text from elsewhere (names, models, details) made safe to print (S16): without control characters no escape sequence
 * begins, and without direction marks no text hides behind another.
 */

/** C0 and C1 controls, line and paragraph separators, direction marks, invisible joiners and lone surrogates. */
const active = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** Spaces in place of tabs and line ends, nothing in place of the rest. */
export function inert(text: string): string {
  return text.replaceAll(/[\t\r\n]+/g, ' ').replaceAll(active, '')
}

/** Tabs stay, everything else that is not plain text is shown by its number: what a file hides is what one wants to see. */
export function visible(text: string): string {
  return text.replaceAll(active, (character) => (character === '\t' ? character : escapeOf(character)))
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** JSON of a value; what JSON itself would let through unescaped (C1 controls, direction marks) is escaped. */
export function inertJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, undefined, indent).replaceAll(active, (character) =>
    character === '\n' ? character : escapeOf(character),
  )
}
