/** A request that breaks off on its way to a provider that speaks HTTP/2: seen frame by frame, for only these tell its end. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createUpstream } from '../../src/proxy/upstream.ts'
import { protocols } from '../fakes/http-clients.ts'
import {
  collectFrames,
  dataFrame,
  dialHttp2,
  errorCodes,
  type Frame,
  flags,
  frame,
  frameTypes,
  headersFrame,
  preface,
  resetFrame,
} from '../fakes/http2-frames.ts'
import { ask, readAnswer, startRequest } from '../fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../fakes/proxy-rig.ts'
import { startRawUpstream } from '../fakes/raw-upstream.ts'
import { until } from '../fakes/until.ts'

const host = 'files.example.com'

let stack = new AsyncDisposableStack()
const rigs: ProxyRig[] = []

afterEach(async () => {
  for (const { bugs } of rigs.splice(0)) expect(bugs).toEqual([])
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** Takes HTTP/2 in frames; `onFrame` answers them. */
async function startFrameUpstream(onFrame: (frame: Frame, socket: Socket) => void = () => {}) {
  const frames: Frame[] = []
  const upstream = stack.use(
    await startRawUpstream(
      (socket) => {
        socket.write(frame(frameTypes.settings))
        const received = collectFrames(socket, preface.length)
        let told = 0
        socket.on('data', () => {
          for (; told < received.length; told++) {
            const next = received[told] as Frame
            frames.push(next)
            onFrame(next, socket)
          }
        })
      },
      { names: [host], alpnProtocols: ['h2'] },
    ),
  )
  const options = {
    upstreams: new Map([[host, new URL(`https://127.0.0.1:${upstream.port}`)]]),
    upstreamCa: upstream.caCertificate,
  }
  const of = (type: number) => frames.filter((one) => one.type === type)
  return {
    frames,
    options,
    sent: () => Buffer.concat(of(frameTypes.data).map(({ payload }) => payload)).toString(),
    reset: () => of(frameTypes.rstStream)[0]?.payload.readUInt32BE(0),
    hasEnded: () => frames.some((one) => isAboutStream(one) && (one.flags & flags.endStream) !== 0),
  }
}

const isAboutStream = ({ type, stream }: Frame) =>
  stream !== 0 && (type === frameTypes.data || type === frameTypes.headers)

/** A route to the upstream that has learned that HTTP/2 is spoken there; `frames` begins with the request after that. */
async function provide(onFrame?: (frame: Frame, socket: Socket) => void) {
  let hasLearned = false
  const upstream = await startFrameUpstream((one, socket) => {
    if (hasLearned) return onFrame?.(one, socket)
    if (one.type === frameTypes.headers) socket.write(headersFrame(one.stream, [[':status', '204']]))
  })
  const rig = stack.use(await openProxyRig({ ...upstream.options, routes: [{ host }] }))
  rigs.push(rig)
  expect((await ask(rig, { host, method: 'GET', path: '/' })).status).toBe(204)
  hasLearned = true
  upstream.frames.length = 0
  return { upstream, rig }
}

for (const { name, connect } of protocols) {
  test(`an upload that its client leaves is reset at the provider, never ended, from ${name} (H08)`, async () => {
    const { upstream, rig } = await provide()
    using client = connect(rig)
    const upload = client.start({ host, method: 'POST', path: '/upload' })
    upload.write('half of ')
    await until('the half has come', () => upstream.sent() === 'half of ')
    upload.leave()
    await until('it is reset', () => upstream.reset() !== undefined)
    expect(upstream.reset()).toBe(errorCodes.cancel)
    expect(upstream.hasEnded()).toBe(false)
    expect(upstream.sent()).toBe('half of ')
  })
}

test.each([errorCodes.none, errorCodes.cancel])(
  'an upload that its client resets with code %s is reset at the provider, never ended (H08)',
  async (code) => {
    const { upstream, rig } = await provide()
    const raw = await dialHttp2(rig, host)
    const fields = [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', host],
      [':path', '/upload'],
    ] as const
    raw.send(headersFrame(1, fields, false), dataFrame(1, 'half of ', false))
    await until('the half has come', () => upstream.sent() === 'half of ')
    raw.send(resetFrame(1, code))
    await until('it is reset', () => upstream.reset() !== undefined)
    expect(upstream.hasEnded()).toBe(false)
    raw.socket.destroy()
  },
)

test('an upload whose answer comes before its end is reset, never ended, and its answer is whole (H08)', async () => {
  const { upstream, rig } = await provide((one, socket) => {
    if (one.type !== frameTypes.data) return
    socket.write(
      Buffer.concat([headersFrame(one.stream, [[':status', '413']], false), dataFrame(one.stream, 'too big')]),
    )
  })
  const upload = startRequest(rig, { host, method: 'POST', path: '/upload' })
  upload.write('half of ')
  const [response] = (await once(upload, 'response')) as [IncomingMessage]
  const answer = await readAnswer(response)
  expect([answer.status, answer.body.toString(), answer.isWhole]).toEqual([413, 'too big', true])
  await until('it is reset', () => upstream.reset() !== undefined)
  expect(upstream.hasEnded()).toBe(false)
})

test('pieces without a byte are no part of a request: the others arrive in order (H08)', async () => {
  const upstream = await startFrameUpstream((one, socket) => {
    if ((one.flags & flags.endStream) !== 0 && isAboutStream(one))
      socket.write(headersFrame(one.stream, [[':status', '204']]))
  })
  const way = stack.use(
    createUpstream({
      overrides: upstream.options.upstreams,
      extraCa: upstream.options.upstreamCa,
      isAllowed: () => true,
    }),
  )
  const call = (pieces: readonly string[]) =>
    new Promise((resolve) => {
      const body = pieces.map((piece) => Buffer.from(piece))
      const request = { host, method: 'POST', target: '/', headers: [], body }
      way.call(request, {
        onSent: () => {},
        onAnswer: ({ statusCode }, answer) => resolve(answer.resume() && statusCode),
        onFailed: ({ isUnprocessed }) => resolve(isUnprocessed),
        onTimeout: () => resolve('timeout'),
      })
    })
  expect(await call(['x'])).toBe(true)
  upstream.frames.length = 0
  for (const pieces of [
    ['', 'ab', '', '', 'cd', ''],
    ['', ''],
    ['', 'ef'],
  ])
    expect(await call(pieces)).toBe(204)
  expect(upstream.sent()).toBe('abcdef')
})

test('the first upload to a host that speaks HTTP/2 only arrives whole, though it cannot be sent twice (H14)', async () => {
  const upstream = await startFrameUpstream((one, socket) => {
    if ((one.flags & flags.endStream) !== 0 && isAboutStream(one))
      socket.write(headersFrame(one.stream, [[':status', '204']]))
  })
  const rig = stack.use(await openProxyRig({ ...upstream.options, routes: [{ host }] }))
  rigs.push(rig)
  const upload = startRequest(rig, { host, method: 'POST', path: '/upload' })
  const answered = once(upload, 'response') as Promise<[IncomingMessage]>
  for (const piece of ['one ', 'two ', 'three']) upload.write(piece)
  upload.end()
  const [response] = await answered
  expect((await readAnswer(response)).status).toBe(204)
  expect(upstream.sent()).toBe('one two three')
})
