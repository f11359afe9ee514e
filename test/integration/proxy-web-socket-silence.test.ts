import { afterEach, expect, it, vi } from 'vitest'
import { leadingTo } from '../fakes/metered-upstream.ts'
import { openProxyRig } from '../fakes/proxy-rig.ts'
import { create, openResponsesSocket } from '../fakes/responses-socket.ts'
import { responseEvents, startSocketUpstream } from '../fakes/socket-upstream.ts'
import { until } from '../fakes/until.ts'

/** In the product ten minutes and an hour. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  const shorter = { upstreamIdleTimeoutMs: 150, webSocketIdleMs: 600 }
  return { ...limits, proxyLimits: { ...limits.proxyLimits, ...shorter } as never }
})

let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(isAnswering: boolean) {
  const [begin = ''] = responseEvents()
  const upstream = stack.use(await startSocketUpstream({ onMessage: (_, peer) => isAnswering && peer.send(begin) }))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), budgets: { codex: 100_000 } }))
  const socket = stack.use(await openResponsesSocket({ port: rig.ports.tls, ca: rig.caCertificate }))
  return { upstream, rig, socket }
}

it.each([
  ['after the beginning of a response', true],
  ['before it', false],
])(
  'a provider that falls silent %s is left, and the client told; the input is charged (H14)',
  async (_, isAnswering) => {
    const { upstream, rig, socket } = await provide(isAnswering)
    socket.send(create({ input: 'x'.repeat(3_500) }))
    expect((await socket.closed).code).toBe(1001)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ source: 'estimated', ending: 'upstream_timeout' }])
    expect(rig.settlements[0]?.chargeTokens).toBeGreaterThan(500)
    await until('the provider is left', () => upstream.openConnectionCount === 0)
  },
)

it('a WebSocket that nobody uses for long is closed on both sides, and costs nothing (H13)', async () => {
  const { upstream, rig, socket } = await provide(false)
  expect((await socket.closed).code).toBe(1001)
  await until('the provider is left', () => upstream.openConnectionCount === 0)
  expect(rig.started).toEqual([])
})
