/** What the proxy takes is bounded, however much passes (M24). Measured in a process that is nothing but the proxy. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createGzip } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anthropicStream } from '../fakes/event-streams.ts'
import { type MeteredUpstream, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { type AskOptions, metered, open } from '../fakes/proxy-client.ts'
import type { ProxyRig } from '../fakes/proxy-rig.ts'
import { until } from '../fakes/until.ts'
import type { Asked, Opened, Report } from './memory-program.ts'

const mebibyte = 2 ** 20
const [start = '', blockStart = '', ...tail] = anthropicStream({ deltas: [] })
const delta = anthropicStream({ deltas: ['some words of an answer that is rather long, '] })[2] ?? ''
/** Mostly of what is no output: each token of output is asked for at the ledger, and this is about bytes. */
const padding = `event: ping\ndata: {"type":"ping","padding":"${'some more bytes '.repeat(100)}"}\n\n`
const events = Buffer.from((delta + padding.repeat(20)).repeat(Math.ceil(mebibyte / 20 / padding.length)))
const eventStream = { 'content-type': 'text/event-stream' }

type Rig = Pick<ProxyRig, 'caCertificate' | 'ports'>

let child: ChildProcess
let upstream: MeteredUpstream
let rig: Rig
let serve: (request: IncomingMessage, response: ServerResponse) => unknown = (_, response) => response.end()
let settledCount = 0

beforeAll(async () => {
  upstream = await startProviderUpstream((request, response) => serve(request, response))
  child = fork(fileURLToPath(new URL('./memory-program.ts', import.meta.url)), { execArgv: ['--expose-gc'] })
  const { port, caCertificate } = upstream
  const opened = await told<Opened>({ kind: 'open', port, caCertificate })
  rig = { caCertificate: opened.caCertificate, ports: { tls: opened.port, http: 0, proxy: 0 } }
  // What runs for the first time is compiled, and buffers grow to their size.
  for (const [answer, options] of [[streamOf(2)], [documentOf(2), { body: metered({ stream: false }) }]] as const) {
    serve = answer
    await read(options)
  }
})

afterAll(async () => {
  child.disconnect()
  await once(child, 'exit')
  await upstream[Symbol.asyncDispose]()
})

async function told<Answer extends Opened | Report>(asked: Asked): Promise<Answer> {
  child.send(asked)
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

function streamOf(mebibytes: number) {
  return async (_: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(200, eventStream).write(start + blockStart)
    for (let sent = 0; sent < mebibytes; sent += 1) if (!response.write(events)) await once(response, 'drain')
    response.end(tail.join(''))
  }
}

function documentOf(mebibytes: number) {
  const text = Buffer.alloc(mebibyte, 'some words of an answer ')
  return async (_: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"content":[{"type":"text","text":"')
    for (let sent = 0; sent < mebibytes; sent += 1) if (!response.write(text)) await once(response, 'drain')
    response.end('"}],"usage":{"input_tokens":7,"output_tokens":3}}')
  }
}

/** Number of bytes. */
async function read(options: AskOptions = {}, pause?: () => Promise<unknown>): Promise<number> {
  settledCount += 1
  let bytes = 0
  let sincePause = 0
  for await (const chunk of await open(rig as ProxyRig, options)) {
    bytes += chunk.length
    sincePause += chunk.length
    if (pause && sincePause > mebibyte) {
      sincePause = 0
      await pause()
    }
  }
  return bytes
}

// A machine that does much else takes its time.
describe('the memory of the proxy', { timeout: 120_000 }, () => {
  /** What may pile up between two garbage collections; measured are 25 to 40 MiB, whatever the size of the body. */
  const boundBytes = 96 * mebibyte

  it.each([
    ['an event stream of 200 MiB', streamOf(200), {}, 200],
    ['a JSON document of 50 MiB', documentOf(50), { body: metered({ stream: false }) }, 50],
  ])('does not grow with %s, which is read to its counts (M17, M24)', async (_, answer, options, mebibytes) => {
    serve = answer
    await told({ kind: 'watch' })
    expect(await read(options)).toBeGreaterThan(mebibytes * mebibyte)
    const { restBytes, peakBytes, sources, bugs } = await told<Report>({ kind: 'report', settledCount })
    expect(peakBytes - restBytes).toBeLessThan(boundBytes)
    expect(sources.at(-1)).toBe('authoritative')
    expect(bugs).toEqual([])
  })

  it('does not grow with a client that is slower than its stream (M24)', async () => {
    serve = streamOf(40)
    await told({ kind: 'watch' })
    expect(await read({}, () => delay(10))).toBeGreaterThan(40 * mebibyte)
    const { restBytes, peakBytes } = await told<Report>({ kind: 'report', settledCount })
    expect(peakBytes - restBytes).toBeLessThan(boundBytes)
  })

  it('does not grow with what a coded stream decodes to (M15, M24)', async () => {
    serve = (_, response) => {
      response.writeHead(200, { ...eventStream, 'content-encoding': 'gzip' })
      const gzip = createGzip({ level: 1 })
      gzip.pipe(response)
      gzip.write(start + blockStart)
      for (let sent = 0; sent < 60; sent += 1) gzip.write(events)
      gzip.end(tail.join(''))
    }
    await told({ kind: 'watch' })
    await read()
    const { restBytes, peakBytes, sources } = await told<Report>({ kind: 'report', settledCount })
    expect(peakBytes - restBytes).toBeLessThan(boundBytes)
    expect(sources.at(-1)).toBe('authoritative')
  })

  it('is bounded for each of 500 streams at once (M24)', async () => {
    const streams = 500
    const held: ServerResponse[] = []
    serve = (_, response) => {
      response.writeHead(200, eventStream).write(start + blockStart + delta.repeat(100))
      held.push(response)
    }
    await told({ kind: 'watch' })
    const reading = Array.from({ length: streams }, () => read())
    await until('all are under way', () => held.length === streams)
    const { restBytes, peakBytes } = await told<Report>({ kind: 'rest' })
    // Measured are 150 to 200 KiB, with two TLS connections each.
    expect((peakBytes - restBytes) / streams).toBeLessThan(512 * 1024)
    for (const response of held) response.end(tail.join(''))
    await Promise.all(reading)
    const { sources } = await told<Report>({ kind: 'report', settledCount })
    expect(sources.slice(-streams)).toEqual(Array(streams).fill('authoritative'))
  })
})
