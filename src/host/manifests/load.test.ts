import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { problemInWords } from '../../core/manifest/definition.ts'
import { checkManifests } from './check.ts'
import { loadAgent, loadBottle } from './load.ts'
import {
  ignoredBottlesNotice,
  listDefinitions,
  type ManifestPlaces,
  misnamedFiles,
  refuseStaleConfiguration,
} from './places.ts'

let root = ''
let places: ManifestPlaces

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bot-bottle-manifests-'))
  places = { home: join(root, 'user', '.bot-bottle'), projectPath: join(root, 'project') }
  await mkdir(places.home, { recursive: true })
  await mkdir(join(root, 'project'))
})
afterEach(() => rm(root, { recursive: true }))

/** `home/…` is the user's `.bot-bottle`, `project/…` the project itself. */
async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name.replace(/^home\//, 'user/.bot-bottle/'))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}

function makePipe(path: string): void {
  execFileSync('mkfifo', [path])
}

const frontmatter = (...lines: readonly string[]) => ['---', ...lines, '---', ''].join('\n')
const broken = 'no frontmatter at all'

describe('listing', () => {
  test('reads no file, so broken ones are listed too', async () => {
    await write({ 'home/bottles/web.md': broken, 'home/agents/reviewer.md': broken, 'home/agents/notes.txt': 'x' })
    expect((await listDefinitions('bottles', places)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['claude', 'web']),
    )
    expect((await listDefinitions('agents', places)).map(({ shown }) => shown)).toContain('agents/reviewer.md')
    expect((await listDefinitions('agents', places)).map(({ name }) => name)).not.toContain('notes')
  })

  test('shows each name once, with the file that wins: the project, then the home, then the built-in', async () => {
    await write({
      'home/agents/claude.md': broken,
      'home/agents/reviewer.md': broken,
      'project/.bot-bottle/agents/reviewer.md': broken,
    })
    const shown = new Map((await listDefinitions('agents', places)).map(({ name, shown }) => [name, shown]))
    expect(shown.get('reviewer')).toBe('./.bot-bottle/agents/reviewer.md')
    expect(shown.get('claude')).toBe('agents/claude.md')
    expect(shown.get('codex')).toBe('built-in')
  })

  test('tells apart files whose names cannot be names', async () => {
    await write({ 'home/bottles/My Web.md': broken, 'home/bottles/web.md': broken })
    expect(await misnamedFiles('bottles', places)).toEqual(['bottles/My Web.md'])
  })

  test('takes nothing for a project that is the directory of the home itself', async () => {
    await write({ 'home/agents/reviewer.md': broken })
    const own = { ...places, projectPath: join(root, 'user') }
    expect((await listDefinitions('agents', own)).find(({ name }) => name === 'reviewer')?.shown).toBe(
      'agents/reviewer.md',
    )
  })

  test('of a thousand bottles in chains of ten takes no longer than reading a directory does', async () => {
    const files: Record<string, string> = {}
    for (let index = 0; index < 1000; index += 1) {
      const parent = index % 10 === 0 ? [] : [`extends: b${index - 1}`]
      files[`home/bottles/b${index}.md`] = frontmatter(...parent, 'env:', `  V${index % 10}: "1"`)
    }
    await write(files)
    expect(await listDefinitions('bottles', places)).toHaveLength(1000 + (await builtInCount()))
    expect([...(await loadBottle(['b999'], places)).env.keys()]).toHaveLength(10)
  })
})

async function builtInCount(): Promise<number> {
  return (await listDefinitions('bottles', { home: join(root, 'nowhere'), projectPath: null })).length
}

describe('a start', () => {
  test('reads its own chain and nothing else', async () => {
    await write({
      'home/bottles/base.md': frontmatter('extends: claude', 'env: {A: "1"}'),
      'home/bottles/web.md': frontmatter('extends: base', 'env: {B: "2"}'),
      'home/bottles/other.md': broken,
    })
    const bottle = await loadBottle(['web'], places)
    expect([...bottle.env.keys()]).toEqual(['A', 'B'])
    expect(bottle.scopes.map(({ name }) => name)).toEqual(['web', 'base', 'claude'])
    expect(bottle.providers.map(({ value }) => value.name)).toEqual(['claude'])
  })

  test('is refused with every problem of the chain, each with its file, line and column', async () => {
    await write({ 'home/bottles/web.md': frontmatter('shutdwn: kill', 'env: {A: 1}') })
    await expect(loadBottle(['web'], places)).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: expect.stringMatching(/^bottles\/web\.md:2:1: .*shutdown.*\nbottles\/web\.md:3:10: /s),
    })
  })

  test('is refused for a parent that does not exist, naming the one that was meant', async () => {
    await write({
      'home/bottles/research.md': frontmatter('extends: bse-web'),
      'home/bottles/base-web.md': frontmatter('extends: claude'),
    })
    await expect(loadBottle(['research'], places)).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: expect.stringMatching(/bottles\/research\.md:2:\d+: .*bse-web.*base-web/),
    })
  })

  test('takes the agent of the project before the one of the home', async () => {
    await write({
      'home/agents/reviewer.md': `${frontmatter('bottle: claude')}At home.`,
      'project/.bot-bottle/agents/reviewer.md': `${frontmatter('bottle: codex')}In the project.`,
    })
    const agent = await loadAgent('reviewer', places)
    expect(agent).toMatchObject({ prompt: 'In the project.' })
  })

  test('keeps an agent of a name that the user knows in the bottle that the user knows', async () => {
    await write({
      'home/agents/reviewer.md': frontmatter('bottle: claude'),
      'project/.bot-bottle/agents/reviewer.md': frontmatter('bottle: codex'),
      'project/.bot-bottle/agents/claude.md': frontmatter('bottle: codex'),
      'project/.bot-bottle/agents/helper.md': frontmatter('bottle: codex'),
    })
    const bottleOf = async (name: string) => (await loadAgent(name, places)).bottle?.value
    expect(await bottleOf('reviewer')).toBe('claude')
    expect(await bottleOf('claude')).toBe('claude')
    expect(await bottleOf('helper')).toBe('codex')
  })

  test('lets a project neither raise nor name what its agents may spend', async () => {
    await write({
      'project/.bot-bottle/agents/reviewer.md': frontmatter(
        'bottle: claude',
        'budget: {claude: 9}',
        'shutdown: cutoff',
      ),
    })
    await expect(loadAgent('reviewer', places)).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: expect.stringMatching(/reviewer\.md:3:\d+: budget: .*\n.*reviewer\.md:4:\d+: shutdown: /),
    })
  })

  test.each(['/bin/ls', '../other/tool', './out/tool', './sub/../../other/tool'])(
    'lets a project not name %s as its program, beside which the bottle would see more of the host (S17)',
    async (program) => {
      await write({
        'other/tool': '',
        'project/.bot-bottle/agents/reviewer.md': frontmatter('bottle: claude', `command: [${program}]`),
      })
      await symlink(join(root, 'other'), join(root, 'project/out'))
      await expect(loadAgent('reviewer', places)).rejects.toMatchObject({
        message: expect.stringMatching(/reviewer\.md:3:\d+: command: .* outside of the project/),
      })
    },
  )

  test.each(['claude', './tool', 'bin/tool', './not-there'])(
    'lets a project name %s as its program',
    async (program) => {
      await write({
        'project/tool': '',
        'project/bin/tool': '',
        'project/.bot-bottle/agents/reviewer.md': frontmatter('bottle: claude', `command: [${program}]`),
      })
      expect(await loadAgent('reviewer', places)).toMatchObject({ command: { value: [program] } })
    },
  )

  test("holds a project's agent to the budget of the user's own agent of that name", async () => {
    await write({
      'home/agents/reviewer.md': frontmatter('bottle: claude', 'budget: {claude: 9}', 'shutdown: kill'),
      'project/.bot-bottle/agents/reviewer.md': frontmatter('bottle: claude'),
    })
    expect(await loadAgent('reviewer', places)).toMatchObject({
      origin: { file: './.bot-bottle/agents/reviewer.md' },
      budgets: [{ value: { provider: 'claude', limitTokens: 9 } }],
      shutdown: { value: 'kill' },
    })
  })

  test('names the agent that was meant', async () => {
    await expect(loadAgent('cluade', places)).rejects.toMatchObject({
      code: 'not_found',
      hint: 'Did you mean "claude"?',
    })
  })

  test.each([
    ['a directory', async (path: string) => mkdir(path, { recursive: true }), /no regular file|EISDIR/],
    ['no UTF-8', async (path: string) => writeFile(path, Buffer.from([0xff, 0xfe, 0x00])), /is not UTF-8/],
    ['larger than a manifest is', async (path: string) => writeFile(path, 'x'.repeat(300_000)), /is larger than/],
    ['a link to a device', async (path: string) => symlink('/dev/zero', path), /no regular file/],
    ['a pipe that nobody writes into', async (path: string) => makePipe(path), /no regular file/],
    ['of no size and without an end', async (path: string) => symlink('/proc/kallsyms', path), /is larger than/],
    ['a link to nothing', async (path: string) => symlink('nothing.md', path), /a link to a file that does not exist/],
  ])('is refused where the file is %s', async (_, make, why) => {
    await mkdir(join(places.home, 'bottles'), { recursive: true })
    await make(join(places.home, 'bottles', 'web.md'))
    await expect(loadBottle(['web'], places)).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: expect.stringMatching(why),
    })
  })
})

describe('a name that is none', () => {
  test.each(['../bottles/web', '..', '', 'a/../web', 'Web'])('%j leads to no file', async (name) => {
    await write({ 'home/bottles/web.md': frontmatter('extends: claude'), 'home/agents/web.md': frontmatter() })
    await expect(loadAgent(name, places)).rejects.toMatchObject({ code: 'not_found' })
    await expect(loadBottle([name], places)).rejects.toMatchObject({ code: 'manifest_invalid' })
  })
})

describe('an agent of a project that is a link', () => {
  const reviewer = () => join(root, 'project/.bot-bottle/agents/reviewer.md')
  const linkTo = async (target: string) => {
    await mkdir(dirname(reviewer()), { recursive: true })
    await symlink(target, reviewer())
  }

  test('is refused where it leads out of the project: its prompt would be a file of the host (S17)', async () => {
    await write({ 'home/notes.md': `${frontmatter('bottle: claude')}Of the host.` })
    await linkTo(join(places.home, 'notes.md'))
    await expect(loadAgent('reviewer', places)).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: expect.stringMatching(/^\.\/\.bot-bottle\/agents\/reviewer\.md:1:1: .* lies outside of /),
    })
  })

  test('is refused in a directory that leads out of the project (S17)', async () => {
    await write({ 'home/elsewhere/agents/reviewer.md': frontmatter('bottle: claude') })
    await symlink(join(places.home, 'elsewhere'), join(root, 'project/.bot-bottle'))
    await expect(loadAgent('reviewer', places)).rejects.toMatchObject({ message: expect.stringContaining('outside') })
  })

  test('is read where it stays in the project', async () => {
    await write({ 'project/docs/reviewer.md': `${frontmatter('bottle: claude')}Of the project.` })
    await linkTo('../../docs/reviewer.md')
    expect(await loadAgent('reviewer', places)).toMatchObject({ prompt: 'Of the project.' })
  })
})

test('a home that is reached by another name is not taken for a project', async () => {
  await write({ 'home/agents/reviewer.md': frontmatter('bottle: claude', 'budget: {claude: 9}') })
  await symlink(join(root, 'user'), join(root, 'alias'))
  const own = { ...places, projectPath: join(root, 'alias') }
  expect(await loadAgent('reviewer', own)).toMatchObject({ budgets: [{ value: { limitTokens: 9 } }] })
})

describe('what is not read', () => {
  test('bottles of a project are told in one sentence', async () => {
    await write({ 'project/.bot-bottle/bottles/wide.md': broken, 'project/.bot-bottle/bottles/wider.md': broken })
    expect(await ignoredBottlesNotice(places)).toMatch(
      /^ignored: .bot-bottle\/bottles\/wide.md, .bot-bottle\/bottles\/wider.md\. /,
    )
    expect(await ignoredBottlesNotice({ ...places, projectPath: null })).toBeUndefined()
    for (const number of [1, 2, 3, 4, 5]) await write({ [`project/.bot-bottle/bottles/more${number}.md`]: broken })
    expect(await ignoredBottlesNotice(places)).toContain('more5.md and 2 more. ')
    await expect(loadBottle(['wide'], places)).rejects.toMatchObject({ code: 'manifest_invalid' })
  })

  test.each(['user/bot-bottle.json', 'project/bot-bottle.json'])('%s stops the start, with advice', async (file) => {
    await write({ [file]: '{}' })
    await expect(refuseStaleConfiguration(places)).rejects.toMatchObject({
      code: 'manifest_invalid',
      message: expect.stringContaining(file),
      hint: expect.stringContaining('bot-bottle init'),
    })
  })

  test('the old configuration stops nothing once definitions have replaced it', async () => {
    await write({
      'user/bot-bottle.json': '{}',
      'home/bottles/web.md': broken,
      'project/bot-bottle.json': '{}',
      'project/.bot-bottle/agents/reviewer.md': broken,
    })
    await expect(refuseStaleConfiguration(places)).resolves.toBeUndefined()
  })
})

describe('the check of all files', () => {
  test('counts what there is where nothing is wrong', async () => {
    await write({
      'home/bottles/web.md': frontmatter('extends: claude'),
      'home/agents/reviewer.md': frontmatter('bottle: web'),
    })
    expect(await checkManifests(places)).toMatchObject({ problems: [] })
  })

  test('tells every problem once, by file and line', async () => {
    await write({
      'home/bottles/base.md': frontmatter('colour: red'),
      'home/bottles/web.md': frontmatter('extends: base'),
      'home/bottles/loop.md': frontmatter('extends: loop'),
      'home/agents/reviewer.md': frontmatter('bottle: wbe'),
      'home/agents/Bad Name.md': frontmatter('bottle: web'),
    })
    const { problems } = await checkManifests(places)
    expect(problems.map(({ file, line }) => `${file}:${line}`)).toEqual([
      'agents/Bad Name.md:1',
      'agents/reviewer.md:2',
      'bottles/base.md:2',
      'bottles/loop.md:2',
    ])
    expect(problems[1]?.message).toContain('Did you mean "web"?')
  })

  test('tells an unknown parent once, where it is named', async () => {
    await write({
      'home/bottles/base.md': frontmatter('extends: clade'),
      'home/bottles/web.md': frontmatter('extends: base'),
      'home/bottles/site.md': frontmatter('extends: [web, bse]'),
      'home/agents/reviewer.md': frontmatter('bottle: web'),
    })
    const { problems } = await checkManifests(places)
    const told = problems.map(({ file, line, column }) => `${file}:${line}:${column}`)
    expect(told.filter((place) => place === 'bottles/site.md:2:16')).toHaveLength(1)
    await write({ 'home/bottles/site.md': frontmatter('extends: web') })
    expect((await checkManifests(places)).problems).toMatchObject([{ file: 'bottles/base.md', line: 2, column: 10 }])
  })

  test("tells routes to a host that another bottle's own provider lists (I3)", async () => {
    const provider =
      'agent_provider:\n  name: acme\n  hosts: [{host: llm.acme.test, format: openai-chat}]\n  credential: {scheme: bearer, secret: "env:ACME"}'
    await write({
      'home/bottles/acme.md': frontmatter(provider),
      'home/bottles/past.md': frontmatter('egress: {routes: [{host: docs.acme.test}, {host: llm.acme.test}]}'),
    })
    const { problems } = await checkManifests(places)
    expect(problems).toMatchObject([
      { file: 'bottles/past.md', message: expect.stringContaining('belongs to the provider acme (bottles/acme.md:') },
    ])
  })

  test('tells agent budgets for providers its own bottle does not use, and lets stand those that it does', async () => {
    await write({
      'home/bottles/both.md': frontmatter('agent_provider: [claude, codex]'),
      'home/agents/reviewer.md': frontmatter('bottle: claude', 'budget:', '  claude: 5', '  codex: 5'),
      'home/agents/fixer.md': frontmatter('bottle: both', 'budget: {claude: 5, codex: 5}'),
      'home/agents/anywhere.md': frontmatter('budget: {codex: 5}'),
    })
    const { problems } = await checkManifests(places)
    expect(problems.map(problemInWords)).toEqual([
      'agents/reviewer.md:5:10: budget.codex: the bottle uses claude, so this would never hold; remove it, or change agent_provider',
    ])
  })
})
