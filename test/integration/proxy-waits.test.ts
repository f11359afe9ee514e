/** Clients that keep a connection and say too little on it. */
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { anthropicHost, dial, dialTls, dialTunnel, readToClose } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

/** The waits of the product are long; these show the same in less time. */
vi.mock(import('../../src/proxy/limits.ts'), async (original) => {
  const limits = await original()
  const waits = { headTimeoutMs: 2_000, timeoutCheckMs: 50, handshakeTimeoutMs: 2_000, keepAliveTimeoutMs: 1_000 }
  return { ...limits, proxyLimits: { ...limits.proxyLimits, ...waits } as never }
})

let upstream: MeteredUpstream
let rig: ProxyRig
beforeAll(async () => {
  upstream = await startProviderUpstream()
  rig = await openProxyRig(leadingTo(upstream))
})
afterAll(async () => {
  expect(rig.bugs).toEqual([])
  await rig[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

describe('a client that waits', () => {
  it.concurrent.each([
    ['before its handshake', () => dial(rig.ports.tls)],
    ['in the middle of it', async () => started(await dial(rig.ports.tls), '\x16\x03\x01\x02')],
    ['after it', () => dialTls(rig)],
    ['in the middle of a head', async () => started(await dialTls(rig), 'POST /v1/messages HTTP/1.1\r\nhost: api')],
    ['in a tunnel', () => dialTunnel(rig, `${anthropicHost}:443`)],
    ['in a tunnel without TLS', () => dialTunnel(rig, `${anthropicHost}:80`)],
    ['on the plain port', () => dial(rig.ports.http)],
    ['on the explicit proxy', async () => started(await dial(rig.ports.proxy), 'CONNECT ')],
    [
      'after an answer',
      async () => started(await dialTls(rig), `GET /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\n\r\n`),
    ],
  ])('%s is closed in time (H13)', async (_, open) => {
    const socket = await open()
    await readToClose(socket)
    await until('the connection is gone', async () => (await rig.openConnections()) === 0)
  })

  it.concurrent('and sends its head byte by byte is closed in time, however steadily (H13)', async () => {
    const socket = await dialTls(rig)
    const sending = setInterval(() => void socket.write('a'), 20)
    socket.write(`GET /v1/models HTTP/1.1\r\nhost: ${anthropicHost}\r\nx-slow: `)
    const answer = await readToClose(socket)
    clearInterval(sending)
    expect(answer === '' || answer.startsWith('HTTP/1.1 408 ')).toBe(true)
  })
})

function started<Connection extends Socket>(socket: Connection, bytes: string): Connection {
  socket.write(bytes, 'latin1')
  return socket
}
