/** Providers that speak HTTP/2 only: the same exchanges, over one shared session. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { afterEach, expect, test } from 'vitest'
import { operatorCutMessage } from '../../src/core/budget/wording.ts'
import { anthropicStream } from '../fakes/event-streams.ts'
import { type Http2Upstream, startHttp2Upstream } from '../fakes/http2-upstream.ts'
import { leadingTo } from '../fakes/metered-upstream.ts'
import { ask as askForBytes, open, readAnswer } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const { bugs } of rigs.splice(0)) expect(bugs).toEqual([])
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function provide(
  onStream: (stream: ServerHttp2Stream) => void,
): Promise<{ readonly upstream: Http2Upstream; readonly rig: ProxyRig }> {
  const upstream = stack.use(await startHttp2Upstream(onStream))
  const rig = stack.use(await openProxyRig(leadingTo(upstream)))
  rigs.push(rig)
  return { upstream, rig }
}

const head = { ':status': 200, 'content-type': 'text/event-stream' }
const events = anthropicStream({ deltas: ['Hello', ' there'] }).join('')
const answer = (stream: ServerHttp2Stream) => {
  stream.respond(head)
  stream.end(events)
}

test('a provider that refuses HTTP/1.1 in the handshake is asked in HTTP/2, once for all requests after', async () => {
  const { upstream, rig } = await provide(answer)
  for (let request = 0; request < 3; request += 1) {
    expect(await ask(rig)).toMatchObject({ status: 200, body: events })
  }
  await rig.settled(3)
  expect(rig.settlements).toMatchObject(Array(3).fill({ source: 'authoritative', ending: 'complete' }))
  expect(upstream.sessions).toHaveLength(1)
  expect(upstream.seen[0]).toMatchObject({
    ':method': 'POST',
    ':scheme': 'https',
    ':authority': 'api.anthropic.com',
    ':path': '/v1/messages',
    'x-api-key': 'real-claude-key',
  })
  for (const name of ['connection', 'host', 'transfer-encoding']) expect(upstream.seen[0]).not.toHaveProperty(name)
})

test('sixteen answers at a time share a session, each with its own bytes', async () => {
  const { upstream, rig } = await provide(answer)
  await ask(rig)
  const answers = await Promise.all(Array.from({ length: 16 }, () => ask(rig)))
  for (const { body } of answers) expect(body).toBe(events)
  expect(upstream.sessions).toHaveLength(1)
  await rig.settled(17)
})

test('a stream that the provider refused was not worked on, and is asked for once more', async () => {
  let asked = 0
  const { rig } = await provide((stream) => {
    asked += 1
    if (asked === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM)
    else answer(stream)
  })
  // The first attempt only finds out that HTTP/2 is spoken, so the refusal meets the last one.
  expect(await ask(rig)).toMatchObject({ status: 502 })
  asked = 0
  expect(await ask(rig)).toMatchObject({ status: 200, body: events })
  expect(asked).toBe(2)
})

test('a session that goes away takes no new requests, and those in it go on to their end', async () => {
  let first: ServerHttp2Stream | undefined
  const { upstream, rig } = await provide((stream) => {
    if (first) return answer(stream)
    first = stream
    stream.respond(head)
    stream.write(events.slice(0, 20))
  })
  const slow = await readAnswerLater(rig)
  await until('the first stream runs', () => first !== undefined)
  upstream.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, first?.id)
  await until('the session takes no more', async () => {
    await ask(rig)
    return upstream.sessions.length > 1
  })
  first?.end(events.slice(20))
  expect(await slow()).toEqual({ body: events, isWhole: true })
})

test('a reset in the middle of an answer is charged as what was seen, and told as a reset (M07)', async () => {
  let running: ServerHttp2Stream | undefined
  const { rig } = await provide((stream) => {
    running = stream
    stream.respond(head)
    stream.write(events.slice(0, events.length / 2))
  })
  const answered = await readAnswerLater(rig)
  await until('it streams', () => running !== undefined)
  running?.destroy(new Error('broken'))
  expect(await answered()).toMatchObject({ isWhole: false })
  await rig.settled(1)
  expect(rig.settlements).toMatchObject([{ ending: 'upstream_reset', source: 'partial' }])
})

test('a cut ends the stream at the provider, and leaves its session to others (E01)', async () => {
  const resets: number[] = []
  const { upstream, rig } = await provide((stream) => {
    stream.once('close', () => resets.push(stream.rstCode))
    stream.respond(head)
    stream.write(events.slice(0, events.indexOf('\n\n') + 2))
  })
  const answered = await readAnswerLater(rig)
  await until('it streams', () => upstream.seen.length > 0)
  await rig.proxy.cut(operatorCutMessage)
  expect((await answered()).body).toContain(operatorCutMessage)
  await until('the provider is told', () => resets.length > 0)
  expect(resets).toEqual([constants.NGHTTP2_CANCEL])
  expect(upstream.sessions[0]?.destroyed).toBe(false)
  await rig.settled(1)
  expect(rig.settlements).toMatchObject([{ ending: 'cut' }])
})

async function ask(rig: ProxyRig) {
  const { status, body } = await askForBytes(rig)
  return { status, body: body.toString() }
}

/** A request under way, and its answer when asked for. */
async function readAnswerLater(rig: ProxyRig) {
  const answered = readAnswer(await open(rig)).then(({ body, isWhole }) => ({ body: body.toString(), isWhole }))
  answered.catch(() => {})
  return () => answered
}
