/** A company's proxy that falls silent ends at a limit, and leaves nothing open. */
import { afterEach, expect, test, vi } from 'vitest'
import { startProviderUpstream } from '../fakes/metered-upstream.ts'
import { openProxiedRig, type ProxiedOptions } from '../fakes/proxied-rig.ts'
import { ask, metered, startRequest } from '../fakes/proxy-client.ts'
import { until } from '../fakes/until.ts'

/** The ceiling of the product is high; this shows the same with less. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  return { ...limits, proxyLimits: { ...limits.proxyLimits, tunnelMs: 1_000 } as never }
})

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(options: ProxiedOptions) {
  const upstream = stack.use(await startProviderUpstream())
  return openProxiedRig(stack, upstream, options)
}

test.each([
  ['says nothing', {}, 'the upstream proxy cannot be reached: it did not answer in time'],
  ['opens a way to silence', { answer: 'HTTP/1.1 200 OK\r\n\r\n' }, 'TLS through the upstream proxy took too long'],
])(
  'a proxy that %s is told, and nothing is charged (H14)',
  async (_, { answer = '' }: { answer?: string }, message) => {
    const { rig, proxy } = await provide({ onConnect: (client) => void client.write(answer) })
    const { status, body } = await ask(rig)
    expect(`${status} ${body}`).toMatch(/^502 /)
    expect(body.toString()).toContain(message)
    await rig.settled(1)
    expect(rig.settlements).toMatchObject([{ chargeTokens: 0 }])
    await until('nothing is left open', () => proxy.openConnections === 0)
    expect(rig.bugs).toEqual([])
  },
)

test('a client that leaves while the way is opened leaves nothing open (H14)', async () => {
  const { rig, proxy } = await provide({ onConnect: () => {} })
  const request = startRequest(rig)
  request.end(metered())
  await until('the proxy is asked', () => proxy.asked.length === 1)
  request.destroy()
  await rig.settled(1)
  expect(rig.settlements).toMatchObject([{ chargeTokens: 0 }])
  await until('nothing is left open', () => proxy.openConnections === 0)
  expect(rig.bugs).toEqual([])
})
