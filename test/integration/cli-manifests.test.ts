/** The commands that look at definitions and settings, without a controller. */
import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CommandEnd, commandLine } from './command-line.ts'

let root = ''
let home = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bot-bottle-cli-manifests-'))
  home = join(root, 'home')
  await mkdir(join(root, 'work'))
})
afterEach(() => rm(root, { recursive: true }))

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), content)
}

function run(...args: readonly string[]): Promise<CommandEnd> {
  return commandLine(args, { home, cwd: join(root, 'work') })
}

const web = `---
extends: claude
env: {CI: "1", TOKEN: "?Which token?"}
egress:
  routes:
    - {host: api.github.com, methods: [GET], paths: ["/repos/**"], auth: {scheme: bearer, secret: "env:GITHUB_TOKEN"}}
budget: {claude: 200000}
shutdown: kill
---
`

test('agents and bottles are listed by name and place', async () => {
  await write('home/agents/reviewer.md', 'not read')
  await write('home/bottles/Web 1.md', 'not read')
  expect((await run('agents')).stdout).toMatch(
    /^NAME +FROM\nclaude +built-in\n(?:.*\n)*reviewer +agents\/reviewer\.md\n$/,
  )
  const listed = await run('bottles', '--json')
  expect(JSON.parse(listed.stdout)).toContainEqual({ name: 'claude', path: null })
  expect(listed.stderr).toContain('bottles/Web 1.md is not read')
})

describe('init', () => {
  test('keeps what is there, be it a broken link, and writes the rest', async () => {
    await mkdir(home, { mode: 0o700 })
    await symlink('nothing', join(home, 'settings.yml'))
    const { exitCode, stdout } = await run('init')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^kept .*settings\.yml\nwrote .*bottles\/starter\.md\nwrote .*agents\/starter\.md\n$/)
    expect(await readlink(join(home, 'settings.yml'))).toBe('nothing')
  })

  test.each([
    ['a file', async (path: string) => writeFile(path, '')],
    ['a broken link', async (path: string) => symlink('nothing', path)],
  ])('says what is in its way where a directory is %s', async (_, make) => {
    await mkdir(home, { mode: 0o700 })
    await make(join(home, 'agents'))
    expect(await run('init')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/agents\/starter\.md cannot be written: .*\n {2}hint: /),
    })
  })
})

test('show tells the merged definition, and where each value was written; secrets by their place only', async () => {
  await write('home/bottles/web.md', web)
  await write('home/agents/reviewer.md', '---\nbottle: web\n---\nReview it.')
  const { stdout, exitCode } = await run('show', 'reviewer')
  expect(exitCode).toBe(0)
  for (const line of [
    /^bottle +web +agents\/reviewer\.md:2$/m,
    /^prompt +Review it\. +agents\/reviewer\.md$/m,
    /^definitions +web < claude +nearest first$/m,
    /^agent_provider +claude +built-in$/m,
    /^env\.CI +1 +bottles\/web\.md:3$/m,
    /^env\.TOKEN +asked for at start, hidden: Which token\? +bottles\/web\.md:3$/m,
    /^egress\.routes +GET api\.github\.com \/repos\/\*\* with bearer from env:GITHUB_TOKEN +bottles\/web\.md:6$/m,
    /^budget\.claude +web: 200000 +bottles\/web\.md:7$/m,
    /^shutdown +kill +bottles\/web\.md:8$/m,
  ]) {
    expect(stdout).toMatch(line)
  }
  expect(JSON.parse((await run('show', 'web', '--json')).stdout)).toMatchObject({ bottle: expect.any(Array) })
})

test('show tells of budgets their period and whether they always hold, and of providers where they are', async () => {
  await write(
    'home/bottles/local.md',
    `---
agent_provider:
  name: local-model
  command: [my-agent, --fast]
  hosts: [{host: models.example.com, format: openai-chat}]
  credential: {secret: ["env:MODEL_KEY", "file:~/key"], scheme: header, header: x-key}
budget:
  local-model: [{limit: 500, period: day}, {limit: 9000, period: month, always: true}]
---
`,
  )
  await write('home/agents/helper.md', '---\ndescription: Helps\nbottle: local\n---\n')
  const { stdout } = await run('show', 'helper')
  for (const line of [
    /^description +Helps +agents\/helper\.md:2$/m,
    /^agent_provider +local-model +bottles\/local\.md:3$/m,
    /^agent_provider\.local-model\.hosts +models\.example\.com +bottles\/local\.md:3$/m,
    /^agent_provider\.local-model\.credential +x-key from env:MODEL_KEY or file:~\/key +bottles\/local\.md:3$/m,
    /^agent_provider\.local-model\.command +my-agent --fast +bottles\/local\.md:3$/m,
    /^budget\.local-model +local: 500 per day +bottles\/local\.md:8$/m,
    /^budget\.local-model +local: 9000 per month, always +bottles\/local\.md:8$/m,
  ]) {
    expect(stdout).toMatch(line)
  }
})

test('show tells where an agent names a bottle that there is not', async () => {
  await write('home/agents/helper.md', '---\nbottle: cluade\n---\n')
  expect((await run('show', 'helper')).stderr).toMatch(/agents\/helper\.md:2:9: .*"cluade".*"claude"/)
})

test.each([
  [['show', 'nothing'], 1, /there is no agent and no bottle named "nothing"/],
  [['show', 'claude', '--bottle', 'cluade'], 2, /cluade.*claude/],
  [['show', 'looping'], 2, /looping\.md:2:\d+: .*looping → looping/],
])('%j is refused in one sentence', async (args, exitCode, says) => {
  await write('home/bottles/looping.md', '---\nextends: looping\n---\n')
  expect(await run(...args)).toMatchObject({ exitCode, stdout: '', stderr: expect.stringMatching(says) })
})

test('manifest check reads every file and tells all that is wrong', async () => {
  await write('home/bottles/web.md', web)
  expect(await run('manifest', 'check')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('nothing wrong'),
  })
  await write('home/bottles/bad.md', '---\ncolour: red\n---\n')
  await write('work/.bot-bottle/agents/mine.md', '---\nbottle: web\nbudget: {claude: 5}\n---\n')
  const { exitCode, stdout } = await run('manifest', 'check')
  expect(exitCode).toBe(2)
  expect(stdout).toMatch(/^\.\/\.bot-bottle\/agents\/mine\.md:3:\d+: budget: .*\nbottles\/bad\.md:2:1: .*"colour".*\n$/)
  const { problems } = JSON.parse((await run('manifest', 'check', '--json')).stdout)
  expect(problems).toMatchObject([{ line: 3 }, { file: 'bottles/bad.md', line: 2, column: 1 }])
})

test.each([[['manifest', 'check']], [['agents']], [['bottles']], [['show', 'claude']]])(
  'the old configuration stops %j with advice',
  async (args) => {
    await write('work/bot-bottle.json', '{}')
    expect(await run(...args)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /bot-bottle\.json is a configuration that is no longer read\n {2}hint: .*bot-bottle init/,
      ),
    })
  },
)

test.each([[['manifest', 'check']], [['agents']], [['bottles']], [['show', 'claude']]])(
  '%j tells once of bottles of the project, which are ignored',
  async (args) => {
    await write('work/.bot-bottle/bottles/wide.md', '---\nextends: claude\n---\n')
    const { exitCode, stderr } = await run(...args)
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/^bot-bottle: ignored: \.bot-bottle\/bottles\/wide\.md\. .*\n$/)
  },
)

test('settings check tells what is wrong in settings.yml, or that nothing is', async () => {
  expect(await run('settings', 'check')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('nothing wrong'),
  })
  await write('home/settings.yml', 'budgt: {claude: 5}\ngate: tight\n')
  expect(await run('settings', 'check')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/settings\.yml:1:1: .*budget.*\n.*settings\.yml:2:7: gate: /),
  })
})
