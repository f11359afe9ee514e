import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import { answerSmall, leadingTo, type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import {
  anthropicHost,
  ask,
  dial,
  dialTls,
  dialTunnel,
  keepAliveAgent,
  metered,
  open,
  readAnswer,
  readToClose,
  secure,
} from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onRequest: Parameters<typeof startProviderUpstream>[0] = answerSmall,
  budgets: Readonly<Record<string, number>> = { claude: 100_000 },
): Promise<{ readonly upstream: MeteredUpstream; readonly rig: ProxyRig }> {
  const upstream = stack.use(await startProviderUpstream(onRequest))
  const rig = stack.use(await openProxyRig({ ...leadingTo(upstream), budgets }))
  return { upstream, rig }
}

const body = metered()
const head = `POST /v1/messages HTTP/1.1\r\nhost: ${anthropicHost}\r\ncontent-length: ${body.length}\r\n\r\n`
const [start = '', ...rest] = anthropicStream({ deltas: ['a', 'b'] })

describe('after a cut', () => {
  it('streams, kept connections, tunnels, handshakes and uploads are all closed, and the upstream receives no byte more (E03)', async () => {
    const streams: ServerResponse[] = []
    const { rig, upstream } = await provide((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
      streams.push(response)
    })
    const streaming = await open(rig)
    const tunnelled = await secure(rig, await dialTunnel(rig, `${anthropicHost}:443`), anthropicHost)
    tunnelled.write(head + body)
    await once(tunnelled, 'data')
    const uploading = await dialTls(rig)
    uploading.write(head + body.slice(0, 10))
    const openings = [
      uploading,
      tunnelled,
      await dialTls(rig),
      await dialTunnel(rig, `${anthropicHost}:443`),
      await dial(rig.ports.tls),
      await dial(rig.ports.http),
      await dial(rig.ports.proxy),
    ]
    await until('the upload is under way', () => rig.proxy.openExchanges === 3)
    const closed = openings.map(readToClose)
    const answer = readAnswer(streaming)

    const { endedExchanges } = await rig.proxy.cut(operatorCutMessage)
    const receivedBytes = upstream.receivedBytes
    expect(endedExchanges).toBe(3)
    expect(rig.proxy.openExchanges).toBe(0)
    expect(rig.settlements).toHaveLength(2)
    expect((await rig.counterOf('claude')).reservedTokens).toBe(0)

    const [uploaded] = await Promise.all(closed)
    expect(uploaded).toMatch(/^HTTP\/1\.1 402 /)
    expect(await closed[1]).toContain(operatorCutMessage)
    expect(await answer).toMatchObject({ isWhole: true })
    expect((await answer).body.toString()).toContain('event: error')
    await until('the upstream is left', () => upstream.openConnectionCount === 0)

    for (let call = 0; call < 3; call += 1) {
      const refused = await ask(rig)
      expect(refused.status).toBe(402)
      expect(JSON.parse(refused.body.toString()).error.message).toBe(operatorCutMessage)
      expect((await ask(rig, { method: 'GET', path: '/v1/models' })).status).toBe(402)
    }
    // What the TLS of a connection says when it closes is all that may still come.
    expect(upstream.receivedBytes - receivedBytes).toBeLessThan(3 * 64)
    expect(upstream.requestCount).toBe(2)
    expect(rig.bugs).toEqual([])
  })

  it('a connection that was kept is closed, and the next call reads the refusal, until the bottle is reopened (E03)', async () => {
    const { rig, upstream } = await provide()
    using agent = keepAliveAgent()
    const first = await open(rig, { agent })
    const closed = new Promise((resolve) => first.socket.once('close', resolve))
    await readAnswer(first)
    await rig.proxy.cut(operatorCutMessage)
    await closed
    expect((await ask(rig, { agent })).status).toBe(402)
    rig.proxy.reopen()
    expect((await ask(rig, { agent })).status).toBe(200)
    expect(upstream.requestCount).toBe(2)
  })

  it('a client that does not read keeps nothing open: its connection is destroyed after a moment (E03)', async () => {
    const block = `data: ${JSON.stringify({ type: 'ping', padding: 'x'.repeat(60_000) })}\n\n`
    let sentBlocks = 0
    const left = new AbortController()
    const { rig } = await provide(async (request, response) => {
      request.resume()
      response.once('close', () => left.abort())
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
      while (!response.destroyed) {
        sentBlocks += 1
        if (response.write(block)) continue
        await once(response, 'drain', { signal: left.signal }).catch(() => {})
      }
    })
    const response = await open(rig)
    const looks: number[] = []
    await until('every pipe in between is full', () => {
      looks.push(sentBlocks)
      return sentBlocks > 0 && looks.at(-10) === sentBlocks
    })
    await rig.proxy.cut(operatorCutMessage)
    expect(rig.proxy.openExchanges).toBe(0)
    await until('the proxy gives the connection up', async () => (await rig.openConnections()) === 0)
    response.destroy()
  })

  it('a request that waits for room is told of the cut, not to come again (E03, L03)', async () => {
    const held: ServerResponse[] = []
    const { rig, upstream } = await provide(
      (request, response) => {
        request.resume()
        held.push(response)
      },
      { claude: 400 },
    )
    const first = ask(rig, { body: metered({ stream: false }) })
    await until('the first is sent', () => held.length === 1)
    const second = ask(rig)
    await until('the second waits', () => rig.proxy.openExchanges === 2)
    await rig.proxy.cut(operatorCutMessage)
    expect((await second).status).toBe(402)
    expect((await first).status).toBe(402)
    expect(upstream.requestCount).toBe(1)
    await rig.settled(1)
    const charged = rig.settlements.filter(({ chargeTokens }) => chargeTokens > 0)
    expect(charged).toMatchObject([{ ending: 'cut', source: 'estimated' }])
  })

  it('a cut of a free request in its upload dials nothing (E03)', async () => {
    const { rig, upstream } = await provide()
    const socket = await dialTls(rig)
    socket.write(`POST /v1/messages/count_tokens HTTP/1.1\r\nhost: ${anthropicHost}\r\ncontent-length: 100\r\n\r\n{`)
    await until('the upload is under way', () => rig.proxy.openExchanges === 1)
    const answer = readToClose(socket)
    await rig.proxy.cut(operatorCutMessage)
    expect(await answer).toContain(operatorCutMessage)
    expect(upstream.connectionCount).toBe(0)
  })

  it('cutting again, or while the answers end by themselves, changes nothing (E11)', async () => {
    const { rig } = await provide((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
      response.end(rest.join(''))
    })
    for (let round = 0; round < 10; round += 1) {
      rig.proxy.reopen()
      const asking = Array.from({ length: 4 }, () => ask(rig).catch((error: Error) => error))
      await until('one is settled', () => rig.settlements.length > round * 4 || rig.started.length > round * 4)
      await Promise.all([rig.proxy.cut('bot-bottle: first'), rig.proxy.cut('bot-bottle: second')])
      for (const answer of await Promise.all(asking)) {
        const text = answer instanceof Error ? '' : answer.body.toString()
        expect(text).not.toContain('second')
      }
    }
    await rig.settled(rig.started.length)
    expect((await rig.counterOf('claude')).reservedTokens).toBe(0)
    expect(await rig.ledger.verify()).toEqual([])
    expect(rig.bugs).toEqual([])
  })
})
