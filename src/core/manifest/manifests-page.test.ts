/** Every example of docs/manifests.md is read as the files that it says it is; so are settings of other pages. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { builtInBottles } from './built-ins.ts'
import { unusedBudgets } from './check-whole.ts'
import { type BottleFile, problemInWords } from './definition.ts'
import { parseAgentFile } from './parse-agent.ts'
import { parseBottleFile } from './parse-bottle.ts'
import { resolveBottle } from './resolve-bottle.ts'
import { parseSettings } from './settings.ts'

/** What follows the opening fence (`markdown bottles/web.md`) → the text. */
function blocksOf(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8')
  return new Map([...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, title = '', block = '']) => [title, block]))
}

const blocks = blocksOf('manifests')

function namesIn(folder: string): readonly string[] {
  return [...blocks.keys()].flatMap((title) => new RegExp(`^markdown ${folder}/(.+)\\.md$`).exec(title)?.[1] ?? [])
}

function bottleNamed(name: string): BottleFile {
  const file = `bottles/${name}.md`
  const parsed = parseBottleFile(blocks.get(`markdown ${file}`) ?? '', { name, file })
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemInWords).join('\n'))
  return parsed.bottle
}

const files = new Map(namesIn('bottles').map((name) => [name, bottleNamed(name)]))
const known = [...files.keys(), ...builtInBottles.keys()]

function resolved(name: string) {
  const bottle = resolveBottle({ names: [name], files, known })
  if (bottle.kind === 'invalid') throw new Error(bottle.problems.map(problemInWords).join('\n'))
  return bottle.bottle
}

/** Others build on it, and it has no provider of its own. */
const parents = ['base']

test.each(namesIn('bottles').filter((name) => !parents.includes(name)))('the bottle "%s" can be started', (name) => {
  expect(resolved(name).providers.length).toBeGreaterThan(0)
})

test.each(namesIn('agents'))('the agent "%s" can be started in its bottle', (name) => {
  const file = `agents/${name}.md`
  const parsed = parseAgentFile(blocks.get(`markdown ${file}`) ?? '', { name, file })
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemInWords).join('\n'))
  const { agent } = parsed
  expect(agent.prompt).not.toBe('')
  expect(unusedBudgets(agent.budgets, resolved(agent.bottle?.value ?? ''))).toEqual([])
})

test.each(['manifests', 'notifications', 'metrics'])('the settings of docs/%s.md are read', (page) => {
  const parsed = parseSettings(blocksOf(page).get('yaml settings.yml') ?? '', {
    file: 'settings.yml',
    providers: ['claude', 'codex'],
  })
  expect(parsed.kind === 'invalid' ? parsed.problems.map(problemInWords) : []).toEqual([])
})

test('the problems are those of the wrong file', () => {
  const text = `---\n${blocks.get('yaml wrong')}---\n`
  const parsed = parseBottleFile(text, { name: 'wrong', file: 'bottles/wrong.md' })
  const problems = parsed.kind === 'invalid' ? parsed.problems.map(problemInWords) : []
  expect(`${problems.join('\n')}\n`).toBe(blocks.get('text problems'))
})

test('no example is left out', () => {
  const tested = [
    ...namesIn('bottles').map((name) => `markdown bottles/${name}.md`),
    ...namesIn('agents').map((name) => `markdown agents/${name}.md`),
  ]
  expect([...blocks.keys()].toSorted()).toEqual(
    [...tested, 'text problems', 'yaml settings.yml', 'yaml wrong'].toSorted(),
  )
})

test('what the page says of "show api" is so', () => {
  const { env, providers } = resolved('api')
  expect(env.get('LANG')?.origin.file).toBe('bottles/base.md')
  expect(env.get('LOG_LEVEL')?.origin.file).toBe('bottles/api.md')
  expect(providers.map(({ value, origin }) => [value.name, origin.file])).toEqual([['codex', 'built-in']])
})
