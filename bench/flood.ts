/**
 * What one bottle's flood does to another bottle of the same controller: p99 of small requests while nothing else happens, and while
 * its neighbour makes 10,000 connections, silent or with handshakes for ever new names. Four processes.
 *
 * node bench/flood.ts [connections]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { fileURLToPath } from 'node:url'
import type { FloodKind } from './proxy-parts/flooder.ts'

interface Target {
  readonly port: number
  readonly caCertificate: string
}

const count = Number(process.argv[2] ?? 10_000)
const body = JSON.stringify({ model: 'bench', max_tokens: 64, messages: [{ role: 'user', content: 'hello' }] })
const goal = 2

const upstream = start('upstream')
const direct = (await told(upstream)) as Target
const proxies = start('two-bottles')
proxies.send({ upstreamPort: direct.port, upstreamCa: direct.caCertificate })
const [flooded, other] = (await told(proxies)) as [Target, Target]

await requestsUntil(other, enough(4_000))
for (const kind of ['connects', 'handshakes'] as const) {
  const quietMs = await requestsUntil(other, enough(2_000))
  const { durationsMs, tookMs } = await whileFlooded(kind)
  const [quiet, loud] = [percentile(quietMs, 99), percentile(durationsMs, 99)]
  process.stdout.write(
    `${count} ${kind} of a neighbour in ${(tookMs / 1000).toFixed(1)} s: p99 ${quiet.toFixed(2)} ms quiet, ${loud.toFixed(2)} ms beside it (${(loud / quiet).toFixed(2)} x, goal < ${goal} x), p50 ${percentile(quietMs, 50).toFixed(2)} and ${percentile(durationsMs, 50).toFixed(2)} ms, ${durationsMs.length} requests\n`,
  )
}
proxies.disconnect()
upstream.disconnect()

async function whileFlooded(kind: FloodKind) {
  const flooder = start('flooder')
  const startedAtMs = performance.now()
  let isOver = false
  const over = told(flooder).then(() => {
    isOver = true
  })
  flooder.send({ port: flooded.port, kind, count })
  const durationsMs = await requestsUntil(other, () => isOver)
  await over
  flooder.disconnect()
  return { durationsMs, tookMs: performance.now() - startedAtMs }
}

/** One request at a time, as an agent asks, on a connection that is kept. */
async function requestsUntil(target: Target, isEnough: () => boolean): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: target.caCertificate, servername: 'api.anthropic.com' })
  const durationsMs: number[] = []
  while (!isEnough()) {
    const startedAtMs = performance.now()
    await ask(agent, target.port)
    durationsMs.push(performance.now() - startedAtMs)
  }
  agent.destroy()
  return durationsMs
}

async function ask(agent: Agent, port: number): Promise<void> {
  const headers = { host: 'api.anthropic.com', 'content-length': body.length }
  const asked = request({ host: '127.0.0.1', port, agent, method: 'POST', path: '/v1/messages', headers })
  asked.end(body)
  const [response] = await once(asked, 'response')
  if (response.statusCode !== 200) throw new Error(`the proxy answered ${response.statusCode}`)
  response.resume()
  await once(response, 'end')
}

function enough(requests: number): () => boolean {
  let left = requests
  return () => left-- === 0
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}

function start(name: string): ChildProcess {
  return fork(fileURLToPath(new URL(`./proxy-parts/${name}.ts`, import.meta.url)))
}

async function told(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, 'message')
  return message
}
