/**
 * What docs/json.md shows is what the commands print: every section whose title names a command with `--json` is run, and its
 * example has the same keys as the output. A key that is in one of them alone must be explained in the section, by its name.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { typed } from '../fakes/command.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'

const page = readFileSync(new URL('../../docs/json.md', import.meta.url), 'utf8')

interface Section {
  readonly command: string
  readonly isList: boolean
  /** All that is said, examples apart. */
  readonly text: string
  readonly example: object
}

/** They need a host of their own, in whose tests their shapes are. */
const notRun: ReadonlySet<string> = new Set([
  'ledger rebuild --json',
  'ledger hosts --json',
  'controller stop --json',
  'controller restart --json',
  'routes learned ID --json',
  'diff ID --json',
  'apply ID --json',
  'discard ID --json',
  // They change the bottle that the others look at, or are run there.
  'cutoff ID --json',
  'freeze ID --json',
  'kill ID --json',
])

function sectionsOf(markdown: string): readonly Section[] {
  const sections: Section[] = []
  for (const part of markdown.split(/^## /m)) {
    const [title = '', ...lines] = part.split('\n')
    const commands = [...title.matchAll(/`([^`]+ --json)`/g)].map(([, command = '']) => command)
    const [, block = ''] = /^```json\n([\s\S]*?)^```$/m.exec(part) ?? []
    // "The same" is the section before, and what is said there.
    const same = title.includes('the same') ? sections.at(-1) : undefined
    const text = (same?.text ?? '') + lines.join('\n').replaceAll(/^```[\s\S]*?^```$/gm, '')
    for (const command of commands) {
      if (notRun.has(command)) continue
      const example = { ...same?.example, ...JSON.parse(block) }
      sections.push({ command, isList: title.includes('a list of'), text, example })
    }
  }
  return sections
}

const sections = sectionsOf(page)

let host: ProductHost
let bottleId = ''

beforeAll(async () => {
  host = await openProductHost({
    provider: ['--output-tokens', '3000'],
    settings: 'budget: {claude: {limit: 900000, period: month}}\n',
  })
  await writeFile(join(host.home, 'prices.yml'), 'currency: USD\nmodels: {claude/*: {input: 1, output: 2}}\n')
  await host.run(['init'])
  const refused = 'curl -s https://refused.example/x'
  const script = `${modelCallInShell({ documentTokens: 20 })}; ${refused}; ${modelCallInShell()}; echo; echo is over; read go`
  const options = ['--bottle', 'claude', '--workspace', 'none', '--budget', '1000']
  await host.start(['run', ...options, '--', 'sh', '-c', script], { input: typed }).said(/is over/)
  const [bottle] = await host.json<readonly BottleView[]>(['ps'])
  bottleId = bottle?.id ?? ''
})
afterAll(() => host[Symbol.asyncDispose]())

/** The paths of all keys: `rows[].group`. An empty list says nothing of its items, nor does null. */
function keysOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value))
    return value.length === 0 ? [`${path}[]?`] : value.flatMap((one) => keysOf(one, `${path}[]`))
  if (typeof value !== 'object' || value === null) return value === null ? [`${path}?`] : []
  return Object.entries(value).flatMap(([key, one]) => [`${path}.${key}`, ...keysOf(one, `${path}.${key}`)])
}

/** Paths in `keys` that the others neither have nor leave open. */
function missingIn(others: readonly string[], keys: readonly string[]): readonly string[] {
  const open = others.filter((key) => key.endsWith('?')).map((key) => key.slice(0, -1))
  const isKnown = (key: string) =>
    key.endsWith('?') || others.includes(key) || open.some((start) => key.startsWith(start))
  return [...new Set(keys.filter((key) => !isKnown(key)))]
}

test('the page has sections of commands', () => {
  expect(sections.map(({ command }) => command)).toEqual(
    expect.arrayContaining(['ps --json', 'usage --json', 'usage --cost --json', 'budget list --json', 'audit --json']),
  )
})

test.each(sections)('$command prints what its example shows', async ({ command, isList, text, example }) => {
  const placeholders: Readonly<Record<string, string>> = {
    ID: bottleId,
    BOTTLE: 'claude',
    METHOD: 'GET',
    URL: 'https://refused.example/x',
  }
  const words = command.replace(' --json', '').split(' ')
  const args = words.map((word) => placeholders[word] ?? word)
  if (words.join(' ') === 'show') args.push('claude')
  const { exitCode, stdout, stderr } = await host.run([...args, '--json'])
  expect(exitCode, stderr).not.toBe(2)
  const printed: unknown = JSON.parse(stdout)
  expect(Array.isArray(printed)).toBe(isList)
  if (isList) expect(printed).not.toHaveLength(0)
  const [documented, real] = [keysOf(isList ? [example] : example), keysOf(printed)]
  const different = [...missingIn(documented, real), ...missingIn(real, documented)]
  const isExplained = (path: string) => text.includes(`\`${path.slice(path.lastIndexOf('.') + 1)}\``)
  expect(different.filter((path) => !isExplained(path))).toEqual([])
})
