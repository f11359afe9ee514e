/** The real Codex with WebSockets switched on, which the product leaves off. Each request on the socket is an exchange. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BottleView, UsageReport } from '../../src/controller/api.ts'
import { inputTokensOf } from '../../src/core/metering/usage.ts'
import type { ServedRequest } from '../../src/demo/provider/request-log.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { type TestUser, testUsers, visiblePaths } from '../fakes/test-user.ts'
import { agentPackages } from './agent-packages.ts'

const exec = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox']
const overSocket = ['-c', 'model_providers.bottle.supports_websockets=true']
const script = [
  {
    text: 'Looking.',
    toolCall: { name: 'exec', input: 'text(await tools.exec_command({ cmd: "echo by-the-tool" }))' },
  },
  { text: 'It is done.' },
]
const longAnswer = ['--output-tokens', '20000', '--tokens-per-delta', '16', '--delta-interval-ms', '10']

let agentsPath = ''
let directory = ''
beforeAll(async () => {
  agentsPath = await agentPackages()
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-script-'))
  await writeFile(join(directory, 'script.json'), JSON.stringify(script))
})
afterAll(() => rm(directory, { recursive: true }))

describe.each(testUsers)('$title: codex over a WebSocket', (user) => {
  test('works through a tool call on one socket, and is charged what the provider reports (H15)', async () => {
    await using host = await openProductHost({ user, provider: ['--script', join(directory, 'script.json')] })
    const { exitCode, stdout, stderr } = await startCodex(host, user, ['--budget', '200000'])
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('It is done.') })
    expect(stderr).toContain('by-the-tool')
    const { upgrades, turns, posts } = await requestsTo(host)
    expect([upgrades.length, posts.length]).toEqual([1, 0])
    expect(turns.map(({ end }) => end)).toEqual(['complete', 'complete', 'complete'])
    // The turn after the tool call sends what is new, and is billed for all that was before.
    const [, first, second] = turns
    expect(second?.bodyBytes).toBeLessThan((first?.bodyBytes ?? 0) / 10)
    expect(totalOf(second)).toBeGreaterThan(totalOf(first))
    const { rows } = await host.json<UsageReport>(['usage', '--by', 'model'])
    const chargeTokens = turns.reduce((total, turn) => total + totalOf(turn), 0)
    expect(rows).toMatchObject([{ exchanges: 3, chargeTokens, estimatedTokens: 0 }])
  })

  test('is cut in mid-stream, reads why, and does not reach the provider again (E01, E02)', async () => {
    await using host = await openProductHost({ user, provider: longAnswer })
    const limitTokens = 17_500
    const { exitCode, stdout, stderr } = await startCodex(host, user, ['--budget', String(limitTokens)])
    expect(exitCode).toBe(1)
    const message = /^ERROR: bot-bottle: budget spent \(run codex-[0-9a-f]{6}\): [\d,]+ of 17,500 codex tokens used/m
    expect(stdout + stderr).toMatch(message)
    const { turns, posts } = await requestsTo(host)
    expect(turns.map(({ end }) => end)).toEqual(['complete', 'aborted'])
    expect(posts).toEqual([])
    const [bottle] = await host.json<readonly BottleView[]>(['ps', '--all'])
    expect(bottle).toMatchObject({ state: 'exited', exitCode: 1 })
    expect(bottle?.chargedTokens).toBeGreaterThanOrEqual(limitTokens)
    expect(bottle?.chargedTokens).toBeLessThan(limitTokens * 1.03)
  })

  test('is told a budget that is spent before its first request, which is not sent (E02)', async () => {
    await using host = await openProductHost({ user })
    const { exitCode, stdout, stderr } = await startCodex(host, user, ['--budget', '50'])
    expect(exitCode).toBe(1)
    expect(stdout + stderr).toMatch(/^ERROR: bot-bottle: budget spent \(run codex-[0-9a-f]{6}\): 0 of 50 codex tokens/m)
    const { turns, posts } = await requestsTo(host)
    expect([...turns, ...posts]).toEqual([])
  })

  test('uses plain HTTP at once where a route switches WebSockets off (H15)', async () => {
    await using host = await openProductHost({ user })
    await mkdir(join(host.home, 'bottles'))
    const route = '  routes:\n    - host: api.openai.com\n      websocket: false\n'
    await writeFile(join(host.home, 'bottles/plain.md'), `---\nagent_provider: codex\negress:\n${route}---\n`)
    const end = await startCodex(host, user, ['--bottle', 'plain', '--budget', '200000'])
    expect(end).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Hi! You wrote: "say hi".') })
    const { upgrades, turns, posts } = await requestsTo(host)
    expect([upgrades.length, turns.length, posts.length]).toEqual([0, 0, 1])
  })
})

function startCodex(host: ProductHost, user: TestUser, options: readonly string[]) {
  const path = join(visiblePaths(host.directory, user).checkoutPath, agentsPath)
  return host.run(['start', 'codex', ...options, '--', ...exec, ...overSocket, 'say hi'], {
    env: { PATH: `${path}:${process.env.PATH}` },
  })
}

/** What reached the provider: upgrades, the requests on them, and requests in plain HTTP. */
async function requestsTo(host: ProductHost) {
  const served = (await host.provider.served()).filter(({ path }) => path === '/v1/responses')
  const by = (method: string) => served.filter((request) => request.method === method)
  return { upgrades: by('GET'), turns: by('response.create'), posts: by('POST') }
}

function totalOf(request: ServedRequest | undefined): number {
  const { reported = {} } = request ?? {}
  return inputTokensOf(reported) + (reported.outputTokens ?? 0)
}
