/** The real Claude Code and Codex, headless, through the real command line, against a provider that is simulated. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BottleView, ControllerEvent, UsageReport } from '../../src/controller/api.ts'
import type { ServedRequest } from '../../src/demo/provider/request-log.ts'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import { openProductHost, type ProductHost, type ProductHostOptions, realKey } from '../fakes/product-host.ts'
import { type TestUser, testUsers, visiblePaths } from '../fakes/test-user.ts'
import { agentPackages } from './agent-packages.ts'

interface Agent {
  readonly name: 'claude' | 'codex'
  readonly args: readonly string[]
  readonly meteredPath: string
  /** That it speaks where it may choose. */
  readonly httpVersion: '1.1' | '2'
  /** Less than its first request needs. */
  readonly tooSmallTokens: number
  /** Enough for its first request (about 12 000 to 14 000 tokens) and some of a long answer. */
  readonly midStreamTokens: number
}

const agents: readonly Agent[] = [
  {
    name: 'claude',
    args: ['-p', 'say hi'],
    meteredPath: '/v1/messages',
    httpVersion: '1.1',
    tooSmallTokens: 5_000,
    midStreamTokens: 16_000,
  },
  {
    name: 'codex',
    args: ['exec', '--skip-git-repo-check', 'say hi'],
    meteredPath: '/v1/responses',
    httpVersion: '2',
    tooSmallTokens: 500,
    midStreamTokens: 17_500,
  },
]

const longAnswer = ['--output-tokens', '20000', '--tokens-per-delta', '16', '--delta-interval-ms', '10']

let agentsPath = ''
beforeAll(async () => {
  agentsPath = await agentPackages()
})

describe.each(testUsers)('$title', (user) => {
  describe.each(agents)('$name', (agent) => {
    test.each(['bubblewrap', 'none'])(
      'answers, and is charged what the provider reports (sandbox %s)',
      async (sandbox) => {
        await using stage = await openStage(user)
        const { host, denied } = stage
        const end = await startAgent(host, { agent, user, options: ['--sandbox', sandbox, '--budget', '200000'] })
        expect(end).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Hi! You wrote: "say hi".') })
        const [served, ...more] = await meteredRequests(host, agent)
        expect(more).toEqual([])
        const { rows } = await host.json<UsageReport>(['usage', '--by', 'model'])
        expect(rows).toMatchObject([{ exchanges: 1, chargeTokens: totalTokens(served), estimatedTokens: 0 }])
        expect(await credentialsSeen(host)).toEqual([realKey])
        expect(denied).toEqual([])
      },
    )

    test('speaks the version of HTTP that it prefers', async () => {
      await using host = await openProductHost({ user })
      await mkdir(join(host.home, 'bottles'))
      const definition = `---\nagent_provider: ${agent.name}\negress: {log: 2}\n---\n`
      await writeFile(join(host.home, 'bottles/logged.md'), definition)
      const end = await startAgent(host, { agent, user, options: ['--bottle', 'logged', '--budget', '200000'] })
      expect(end.exitCode).toBe(0)
      const metered = (await egressLog(host)).filter(({ verdict }) => verdict === 'metered')
      expect(metered).toMatchObject([{ path: agent.meteredPath, status: 200, httpVersion: agent.httpVersion }])
    })

    test("gets the prompt of an agent's file", async () => {
      await using host = await openProductHost({ user, provider: ['--keep-bodies'] })
      await mkdir(join(host.home, 'agents'))
      await writeFile(
        join(host.home, 'agents/reviewer.md'),
        `---\nbottle: ${agent.name}\n---\nAlways end with "pineapple".\n`,
      )
      const end = await startAgent(host, { agent, user, options: ['--budget', '200000'], name: 'reviewer' })
      expect(end.exitCode).toBe(0)
      const [served] = await meteredRequests(host, agent)
      expect(served?.body).toContain('Always end with \\"pineapple\\".')
    })

    test.each(['bubblewrap', 'none'])(
      'is told a budget that is too small for its first request, and stops without reaching the provider (E02, sandbox %s)',
      async (sandbox) => {
        await using host = await openProductHost({ user })
        const options = ['--sandbox', sandbox, '--budget', String(agent.tooSmallTokens)]
        const { exitCode, stdout, stderr } = await startAgent(host, { agent, user, options })
        expect(exitCode).toBe(1)
        const used = `budget spent \\(run ${agent.name}-[0-9a-f]{6}\\): 0 of ${grouped(agent.tooSmallTokens)}`
        expect(withoutNotices(stdout + stderr)).toMatch(new RegExp(used))
        expect(stderr).toMatch(new RegExp(`^bot-bottle: cut off: ${used}`, 'm'))
        expect(await meteredRequests(host, agent)).toEqual([])
        await expectOneCut(host)
      },
    )

    test('is cut in mid-stream, reads why, and does not reach the provider again (E01, E02)', async () => {
      await using host = await openProductHost({ user, provider: longAnswer })
      const limitTokens = agent.midStreamTokens
      const { exitCode, stdout, stderr } = await startAgent(host, {
        agent,
        user,
        options: ['--budget', String(limitTokens)],
      })
      expect(exitCode).toBe(1)
      expect(withoutNotices(stdout + stderr)).toMatch(
        new RegExp(`[\\d,]+ of ${grouped(limitTokens)} ${agent.name} tokens used`),
      )
      const served = await meteredRequests(host, agent)
      expect(served).toMatchObject([{ end: 'aborted' }])
      await expectOneCut(host)
      const [bottle] = await host.json<readonly BottleView[]>(['ps', '--all'])
      expect(bottle).toMatchObject({ state: 'exited', exitCode: 1 })
      // What is in the pipes when the cut comes is a fraction of a second of the answer.
      expect(bottle?.chargedTokens).toBeGreaterThanOrEqual(limitTokens)
      expect(bottle?.chargedTokens).toBeLessThan(limitTokens * 1.03)
    })
  })
})

interface AgentStart {
  readonly agent: Agent
  readonly user: TestUser
  readonly options: readonly string[]
  /** Of the definition; by default the agent's own. */
  readonly name?: string
}

function startAgent(host: ProductHost, { agent, user, options, name = agent.name }: AgentStart) {
  const { checkoutPath } = visiblePaths(host.directory, user)
  const path = join(checkoutPath, agentsPath)
  return host.run(['start', name, ...options, '--', ...agent.args], {
    env: { PATH: `${path}:${process.env.PATH}` },
  })
}

interface Stage extends AsyncDisposable {
  readonly host: ProductHost
  /** What was refused by policy so far. */
  readonly denied: readonly ControllerEvent[]
}

/** With a controller that is listened to. */
async function openStage(user: TestUser, options: ProductHostOptions = {}): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const host = stack.use(await openProductHost({ ...options, user }))
  await host.start(['controller', 'run']).said(/is ready/)
  const listening = new AbortController()
  const denied: ControllerEvent[] = []
  const events = await (await host.client()).events(listening.signal)
  const listener = collect(events, denied)
  stack.defer(async () => {
    listening.abort()
    await listener
  })
  const resources = stack.move()
  return { host, denied, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

async function collect(events: AsyncIterable<ControllerEvent>, denied: ControllerEvent[]): Promise<void> {
  for await (const event of events) if (event.kind === 'denied') denied.push(event)
}

async function meteredRequests(host: ProductHost, { meteredPath }: Agent): Promise<readonly ServedRequest[]> {
  return (await host.provider.served()).filter(({ path }) => path.startsWith(meteredPath))
}

async function credentialsSeen(host: ProductHost): Promise<readonly string[]> {
  const values = (await host.provider.served()).flatMap(({ credentials }) => Object.values(credentials))
  return [...new Set(values.map((value) => value.replace(/^Bearer /, '')))]
}

/** Of the one bottle that was started. */
async function egressLog(host: ProductHost): Promise<readonly Record<string, unknown>[]> {
  const logs = join(host.home, 'logs')
  const [file = ''] = (await readdir(logs)).filter((name) => name.endsWith('.egress.jsonl'))
  const lines = (await readFile(join(logs, file), 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

/** As raw tokens are charged. OpenAI's cached tokens are inside of its input tokens. */
function totalTokens(request: ServedRequest | undefined): number {
  const {
    inputTokens = 0,
    cacheWrite5mTokens = 0,
    cacheWrite1hTokens = 0,
    cacheReadTokens = 0,
    outputTokens = 0,
  } = request?.reported ?? {}
  return inputTokens + cacheWrite5mTokens + cacheWrite1hTokens + cacheReadTokens + outputTokens
}

async function expectOneCut(host: ProductHost): Promise<void> {
  const audit = await host.json<readonly AuditEntry[]>(['audit'])
  expect(audit.map(({ action, trigger, phase }) => [action, trigger, phase])).toEqual([
    ['cutoff', 'budget', 'intent'],
    ['cutoff', 'budget', 'step'],
    ['cutoff', 'budget', 'done'],
  ])
}

function withoutNotices(output: string): string {
  return output.replaceAll(/^bot-bottle: cut off:.*$/gm, '')
}

function grouped(tokens: number): string {
  return tokens.toLocaleString('en-US')
}
