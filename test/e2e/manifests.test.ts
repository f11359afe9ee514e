/** Definitions of agents and bottles, from the files to what the program in the bottle gets. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BottleView } from '../../src/controller/api.ts'
import { typed } from '../fakes/command.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { mainPath } from '../integration/command-line.ts'

let host: ProductHost
beforeAll(async () => {
  host = await openProductHost()
  // Programs in place of the agents: each says what it was given.
  for (const name of ['claude', 'codex', 'own-agent']) {
    await write(
      `bin/${name}`,
      `#!/bin/sh\nprintf '[%s]' "$@"\ncat .codex/AGENTS.md ~/.codex/AGENTS.md 2>/dev/null\nenv\n`,
    )
    await chmod(join(host.directory, 'bin', name), 0o755)
  }
})
afterEach(async () => expect(await host.leftovers()).toEqual([]))
afterAll(() => host[Symbol.asyncDispose]())

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(host.directory, path)), { recursive: true })
  await writeFile(join(host.directory, path), content)
}

function start(args: readonly string[], changes: Parameters<ProductHost['run']>[1] = {}) {
  const env = { PATH: `${join(host.directory, 'bin')}:${process.env.PATH}`, ...changes.env }
  return host.run(['start', ...args], { ...changes, env })
}

async function limitOf(scope: string): Promise<number | undefined> {
  const [limit] = await host.inLedger((ledger) => ledger.limits({ scope }))
  return limit?.limitTokens
}

const file = (keys: readonly string[], body = '') => `---\n${keys.join('\n')}\n---\n${body}`

describe('an agent of the user', () => {
  test('starts in its bottle with its prompt, given as Claude Code takes it', async () => {
    await write('home/bottles/web.md', file(['extends: claude', 'env: {CI: "1"}']))
    await write('home/agents/reviewer.md', file(['bottle: web', 'budget: {claude: 1234}'], '\nReview it.\nBe kind.\n'))
    const { exitCode, stdout } = await start(['reviewer', '--', '-p', 'go'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^\[--append-system-prompt\]\[Review it\.\nBe kind\.\]\[-p\]\[go\]/)
    expect(stdout).toMatch(/^CI=1$/m)
    const [bottle] = await host.json<readonly BottleView[]>(['ps', '--all'])
    expect(bottle).toMatchObject({ agent: 'reviewer', definitions: ['web'] })
    expect(await limitOf('agent:reviewer')).toBe(1234)
  })

  test('may have any name that files may have', async () => {
    await write('home/agents/my_agent-2.md', file(['bottle: claude']))
    expect(await start(['my_agent-2'])).toMatchObject({ exitCode: 0 })
  })

  test('gets its prompt in the file that Codex reads', async () => {
    await write('home/agents/fixer.md', file(['bottle: codex'], 'Fix it.'))
    expect((await start(['fixer'])).stdout).toMatch(/^\[\]Fix it\.$/m)
  })

  test('starts in the bottles that are asked for, merged in their order, in place of its own', async () => {
    await write('home/bottles/one.md', file(['extends: claude', 'env: {A: one, B: one}']))
    await write('home/bottles/two.md', file(['env: {B: two}']))
    await write('home/agents/plain.md', file(['command: [own-agent, --fixed]']))
    const { stdout } = await start(['plain', '--bottle', 'one', '--bottle', 'two'])
    expect(stdout).toMatch(/^\[--fixed\]/)
    expect(stdout).toMatch(/^A=one$/m)
    expect(stdout).toMatch(/^B=two$/m)
  })

  test('is refused without a bottle', async () => {
    await write('home/agents/plain.md', file(['command: [own-agent]']))
    expect(await start(['plain'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/the agent "plain" names no bottle.*\n {2}hint: .*agents\/plain\.md/),
    })
  })

  test('is told of a budget that would never hold in the bottle that is asked for', async () => {
    await write('home/agents/frugal.md', file(['bottle: claude', 'budget: {claude: 77}']))
    const { exitCode, stderr } = await start(['frugal', '--bottle', 'codex'])
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/agents\/frugal\.md:3:\d+: budget\.claude: the bottle uses codex, so this would never hold/)
    expect((await start(['frugal'])).stderr).not.toContain('would never hold')
  })

  test('is refused with every problem of its files at once, and nothing is started', async () => {
    await write('home/bottles/broken.md', file(['extends: claude', 'buget: {claude: 1e9}', 'env: {A: 1}']))
    const { exitCode, stderr } = await start(['claude', '--bottle', 'broken'])
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/bottles\/broken\.md:3:1: .*budget/)
    expect(stderr).toMatch(/bottles\/broken\.md:4:10: /)
  })
})

describe('an agent of the project', () => {
  test('wins over the one of the user, is told, and is held to what the user allows it', async () => {
    await write('home/agents/helper.md', file(['bottle: claude', 'budget: {claude: 77}']))
    await write('workspace/.bot-bottle/agents/helper.md', file(['bottle: codex'], 'From here.'))
    const { stdout, stderr } = await start(['helper'])
    expect(stdout).toContain('[From here.]')
    expect(stderr).toContain(
      'the agent "helper" is the project\'s own (./.bot-bottle/agents/helper.md), in bottle claude',
    )
    expect(await limitOf('agent:helper')).toBe(77)
  })

  test('cannot bring a bottle along: it is ignored, which is told once', async () => {
    await write('workspace/.bot-bottle/bottles/wide.md', file(['extends: claude']))
    const { exitCode, stderr } = await start(['claude'])
    expect(exitCode).toBe(0)
    expect(stderr.match(/ignored: \.bot-bottle\/bottles\/wide\.md/g)).toHaveLength(1)
    expect((await start(['claude', '--bottle', 'wide'])).exitCode).toBe(2)
  })
})

describe('a variable that is asked for', () => {
  beforeAll(() =>
    write(
      'home/bottles/asking.md',
      file(['extends: claude', 'env:', '  ISSUE: "?Which issue?"', '  API_TOKEN: "?The token?"']),
    ),
  )

  test('is asked for in the terminal, and a secret is not shown while it is typed', async () => {
    const words = `"${process.execPath}" "${mainPath}" start claude --bottle asking`
    // `script` gives a terminal, and shows what one would have shown.
    const command = host.start([], {
      within: ['sh', '-c', 'exec script -qec "$1" /dev/null', 'sh', words],
      env: { PATH: `${join(host.directory, 'bin')}:${process.env.PATH}` },
      input: typed,
    })
    await command.said(/Which issue\?/)
    command.type('42\r')
    await command.said(/The token\?/)
    command.type('hush-hush\r')
    const { stdout } = await command.ended
    expect(stdout).toMatch(/^ISSUE=42\r?$/m)
    expect(stdout.split('hush-hush')).toHaveLength(2)
    expect(stdout).toMatch(/^API_TOKEN=hush-hush\r?$/m)
  })

  test('is refused where there is no terminal to ask in', async () => {
    expect(await start(['claude', '--bottle', 'asking'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /ISSUE, API_TOKEN must be asked for.*no terminal.*\n {2}hint: .*--env ISSUE --env API_TOKEN/,
      ),
    })
  })

  test('may be given with --env, from the environment or in place', async () => {
    const args = ['claude', '--bottle', 'asking', '--env', 'ISSUE=7', '--env', 'API_TOKEN']
    const { exitCode, stdout } = await start(args, { env: { API_TOKEN: 'from-outside' } })
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^ISSUE=7$/m)
    expect(stdout).toMatch(/^API_TOKEN=from-outside$/m)
  })

  test('is refused with --env for a variable that is not set', async () => {
    expect(await start(['claude', '--env', 'NOT_SET_ANYWHERE'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('the variable NOT_SET_ANYWHERE is not set here'),
    })
  })
})

describe('init', () => {
  test('writes a starter set that is valid, and never overwrites', async () => {
    const { stdout } = await host.run(['init'])
    expect(stdout).toMatch(/^kept {2}.*settings\.yml$/m)
    expect(stdout).toMatch(/^wrote .*bottles\/starter\.md$/m)
    const written = await readFile(join(host.home, 'agents/starter.md'), 'utf8')
    await write('home/agents/starter.md', `${written}\nMine.`)
    expect((await host.run(['init'])).stdout).not.toContain('wrote')
    expect(await readFile(join(host.home, 'agents/starter.md'), 'utf8')).toBe(`${written}\nMine.`)
    expect(await start(['starter'])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Mine.') })
  })
})
