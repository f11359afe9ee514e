/** Bottles as tests write them: the keys alone, in the file `web.md` from its second line on. */
import { type BottleFile, problemInWords } from '../../src/core/manifest/definition.ts'
import { parseBottleFile } from '../../src/core/manifest/parse-bottle.ts'

export function bottleProblems(keys: string): readonly string[] {
  const parsed = parse(keys)
  return parsed.kind === 'invalid' ? parsed.problems.map(problemInWords) : []
}

export function bottleSaying(keys: string): BottleFile {
  const parsed = parse(keys)
  if (parsed.kind === 'bottle') return parsed.bottle
  throw new Error(parsed.problems.map(problemInWords).join('\n'))
}

function parse(keys: string) {
  return parseBottleFile(`---\n${keys}\n---\n`, { name: 'web', file: 'web.md' })
}
