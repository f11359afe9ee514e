/** Parts a markdown file into what stands between its first two `---` lines and what comes after. */
import type { Position } from './bounded-yaml.ts'

export type Frontmatter =
  /** `yaml` has an empty line in place of the first `---`, so that its positions are those of the file. */
  | { readonly kind: 'frontmatter'; readonly yaml: string; readonly body: string }
  | ({ readonly kind: 'invalid'; readonly message: string } & Position)

const opening = /^\uFEFF?---[ \t]*(?:\r?\n|$)/
const closing = /^---[ \t]*(?:\r?\n|$)/m

export function splitFrontmatter(text: string): Frontmatter {
  const first = opening.exec(text)
  if (!first) return invalid('the file must begin with a line "---": its keys stand between two such lines')
  const rest = text.slice(first[0].length)
  const last = closing.exec(rest)
  if (!last) return invalid('the frontmatter that begins here has no end; close it with a line "---"')
  return { kind: 'frontmatter', yaml: `\n${rest.slice(0, last.index)}`, body: rest.slice(last.index + last[0].length) }
}

function invalid(message: string): Frontmatter {
  return { kind: 'invalid', line: 1, column: 1, message }
}
