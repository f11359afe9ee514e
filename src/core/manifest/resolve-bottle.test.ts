import { describe, expect, test } from 'vitest'
import { type BottleFile, problemInWords } from './definition.ts'
import { parseBottleFile } from './parse-bottle.ts'
import { neededDefinitions, resolveBottle } from './resolve-bottle.ts'

/** Files by name, given as their frontmatter. */
function filesOf(texts: Readonly<Record<string, string>>): ReadonlyMap<string, BottleFile> {
  return new Map(
    Object.entries(texts).map(([name, yaml]) => {
      const parsed = parseBottleFile(`---\n${yaml}\n---\n`, { name, file: `bottles/${name}.md` })
      if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemInWords).join('\n'))
      return [name, parsed.bottle]
    }),
  )
}

function resolve(names: readonly string[], texts: Readonly<Record<string, string>>) {
  const files = filesOf(texts)
  const resolved = resolveBottle({ names, files, known: [...files.keys(), 'claude', 'codex'] })
  if (resolved.kind === 'invalid') throw new Error(resolved.problems.map(problemInWords).join('\n'))
  return resolved.bottle
}

function scopesOf(names: readonly string[], texts: Readonly<Record<string, string>>): string {
  return resolve(names, texts)
    .scopes.map(({ name }) => name)
    .join(' ')
}

describe('the order of definitions', () => {
  test('nearest first: the child, then its later parent with all of its own, then the earlier one (L18)', () => {
    const texts = { web: 'extends: [left, right]', left: '', right: 'extends: above', above: '' }
    expect(scopesOf(['web'], texts)).toBe('web right above left')
  })

  test('a diamond counts once, behind all of its children (L18)', () => {
    const texts = { web: 'extends: [left, right]', left: 'extends: base', right: 'extends: base', base: '' }
    expect(scopesOf(['web'], texts)).toBe('web right left base')
  })

  test('a parent that is also a grandparent lies behind its child, in whatever order they are named (L18)', () => {
    const texts = { a: 'extends: [base, mid]', b: 'extends: [mid, base]', mid: 'extends: base', base: '' }
    expect(scopesOf(['a'], texts)).toBe('a mid base')
    expect(scopesOf(['b'], texts)).toBe('b mid base')
  })

  test('of several that are asked for the later is nearer', () => {
    expect(scopesOf(['a', 'b'], { a: 'extends: base', b: '', base: '' })).toBe('b a base')
  })
})

test.each([
  ['two in a circle', ['a'], { a: 'extends: b', b: 'extends: a' }, 'bottles/b.md:2:10: extends: a → b → a comes back'],
  ['itself', ['a'], { a: 'extends: a' }, 'bottles/a.md:2:10: extends: a → a comes back to itself'],
  [
    'an unknown parent',
    ['a'],
    { a: 'extends: [bse]', base: '' },
    'bottles/a.md:2:11: extends: no bottle has the name "bse" (a → bse). Did you mean "base"?',
  ],
  ['an unknown name', ['wbe'], { web: '' }, '--bottle: no bottle has the name "wbe". Did you mean "web"?'],
])('an error shows the chain: %s (L18)', (_, names, texts, expected) => {
  expect(() => resolve(names, texts)).toThrow(expected)
})

test('only the chain is needed, as far as it is not read yet', () => {
  const files = filesOf({ web: 'extends: [left, right]', left: 'extends: base', other: 'extends: more' })
  expect(neededDefinitions(['web', 'codex'], files)).toEqual(['codex', 'right', 'base'])
})

test('a built-in bottle takes part like a file, and a file of its name wins', () => {
  expect(resolve(['web'], { web: 'extends: claude' }).providers[0]?.value.name).toBe('claude')
  expect(resolve(['claude'], { claude: 'agent_provider: codex' }).providers[0]?.value.name).toBe('codex')
})
