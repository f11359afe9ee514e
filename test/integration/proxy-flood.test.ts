/** What one bottle does to its own listeners: it ends at a named limit, and another bottle is served meanwhile. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { proxyLimits } from '../../src/proxy/limits.ts'
import { leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { ask } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { portOf } from '../fakes/raw-upstream.ts'
import { until } from '../fakes/until.ts'

/** The product allows more; this shows the same with fewer descriptors. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  return { ...limits, proxyLimits: { ...limits.proxyLimits, maxConnections: 128 } as never }
})

const connections = 1_000

let upstream: MeteredUpstream
let flooded: ProxyRig
let other: ProxyRig
beforeAll(async () => {
  upstream = await startProviderUpstream()
  flooded = await openProxyRig({ ...leadingTo(upstream), bottleId: 'flooded-1' })
  other = await openProxyRig({ ...leadingTo(upstream), bottleId: 'other-1' })
})
afterAll(async () => {
  for (const rig of [flooded, other]) {
    expect(rig.bugs).toEqual([])
    await rig[Symbol.asyncDispose]()
  }
  await upstream[Symbol.asyncDispose]()
})

it.each([
  ['connections that say nothing', () => Buffer.alloc(0)],
  ['handshakes for ever new names', (hello: Buffer, name: string) => renamed(hello, name)],
])('a bottle that floods with %s has a bounded number of them, and another is served (H13)', async (_, first) => {
  const hello = await clientHello()
  const sockets: Socket[] = []
  let most = 0
  for (let index = 0; index < connections; index += 1) {
    const socket = connect(flooded.ports.tls, '127.0.0.1').on('error', () => {})
    socket.write(first(hello, nameOf(index)))
    sockets.push(socket)
    if (index % 50 > 0) continue
    expect((await ask(other)).status).toBe(200)
    most = Math.max(most, await flooded.openConnections())
  }
  expect(most).toBeGreaterThan(proxyLimits.maxConnections / 2)
  expect(most).toBeLessThanOrEqual(proxyLimits.maxConnections)
  for (const socket of sockets) socket.destroy()
  // The kernel still hands out some that are closed already.
  await until('it is served again', async () => (await ask(flooded).catch(() => undefined))?.status === 200)
  await until('they are all gone', async () => (await flooded.openConnections()) === 0)
  await flooded.settled(flooded.started.length)
})

const nameOf = (index: number) => `n${String(index).padStart(6, '0')}.test`

/** What a client begins TLS with: it costs nothing to send it again, under other names of the same length. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectTls({ host: '127.0.0.1', port: portOf(server), servername: nameOf(0) }).on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  server.close()
  return hello
}

function renamed(hello: Buffer, name: string): Buffer {
  const copy = Buffer.from(hello)
  copy.write(name, copy.indexOf(nameOf(0)), 'latin1')
  return copy
}
