/**
 * What the proxy costs, against a direct connection in the same run: CPU per 1,000 small requests, added latency, added time
 * to the first event, delay per event, CPU per event, memory. Three processes: load (this one), proxy, upstream.
 *
 * node --expose-gc bench/proxy.ts [requests]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { Agent, request } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'

interface Target {
  readonly port: number
  readonly caCertificate: string
}

interface ProcessUsage {
  readonly cpu: NodeJS.CpuUsage
  readonly rssBytes: number
}

const requests = Number(process.argv[2] ?? 4000)
const concurrency = 8
const streams = 64
const smallBody = JSON.stringify({ model: 'bench', max_tokens: 64, messages: [{ role: 'user', content: 'hello' }] })
const largeBody = JSON.stringify({
  model: 'bench',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'some words of a transcript that grew long. '.repeat(4_700) }],
})

const upstream = start('upstream')
const direct = (await told(upstream)) as Target
const proxy = start('proxy')
proxy.send({ upstreamPort: direct.port, upstreamCa: direct.caCertificate })
const proxied = (await told(proxy)) as Target

const idle = await usageOf(proxy)
await load(direct, { body: smallBody, count: requests })
await load(proxied, { body: smallBody, count: requests })
for (const [name, body, count] of [
  ['small', smallBody, requests],
  ['200 KB', largeBody, Math.ceil(requests / 8)],
] as const) {
  const directMs = await load(direct, { body, count })
  const before = await usageOf(proxy)
  const proxiedMs = await load(proxied, { body, count })
  const after = await usageOf(proxy)
  print(`${name} requests, ${concurrency} at once`, {
    'proxy CPU-s per 1000': (cpuSeconds(before, after) / count) * 1000,
    'direct p50 ms': percentile(directMs, 50),
    'through p50 ms': percentile(proxiedMs, 50),
    'direct p99 ms': percentile(directMs, 99),
    'through p99 ms': percentile(proxiedMs, 99),
  })
}
{
  const before = await usageOf(proxy)
  const durationsMs = await loadHttp2(proxied, { body: smallBody, count: requests })
  const after = await usageOf(proxy)
  print(`small requests over HTTP/2, ${concurrency} at once on one session`, {
    'proxy CPU-s per 1000': (cpuSeconds(before, after) / requests) * 1000,
    'through p50 ms': percentile(durationsMs, 50),
    'through p99 ms': percentile(durationsMs, 99),
  })
}
const directStreams = await stream(direct)
const proxiedStreams = await stream(proxied)
const after = await usageOf(proxy)
print(`${streams} streams at once, slow events`, {
  'direct first event p50 ms': percentile(directStreams.firstMs, 50),
  'through first event p50 ms': percentile(proxiedStreams.firstMs, 50),
  'direct event delay p50 ms': percentile(directStreams.delayMs, 50),
  'through event delay p50 ms': percentile(proxiedStreams.delayMs, 50),
  'direct event delay p99 ms': percentile(directStreams.delayMs, 99),
  'through event delay p99 ms': percentile(proxiedStreams.delayMs, 99),
  'proxy CPU µs per event': (cpuSeconds(proxiedStreams.warm, after) / proxiedStreams.delayMs.length) * 1e6,
})
print('memory of the proxy process', {
  'idle MiB': idle.rssBytes / 2 ** 20,
  'afterwards MiB': after.rssBytes / 2 ** 20,
})
proxy.disconnect()
upstream.disconnect()

function start(name: string): ChildProcess {
  return fork(fileURLToPath(new URL(`./proxy-parts/${name}.ts`, import.meta.url)), { execArgv: ['--expose-gc'] })
}

async function told(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, 'message')
  return message
}

async function usageOf(child: ChildProcess): Promise<ProcessUsage> {
  child.send('usage')
  return (await told(child)) as ProcessUsage
}

interface Load {
  readonly body: string
  readonly count: number
}

async function load(target: Target, { body, count }: Load): Promise<number[]> {
  using agent = agentFor(target)
  return await durationsOf(count, () => exchange(agent.agent, target, { body, onData: () => {} }))
}

async function loadHttp2({ port, caCertificate: ca }: Target, { body, count }: Load): Promise<number[]> {
  const servername = 'api.anthropic.com'
  const session = connect(`https://${servername}`, {
    createConnection: () => connectTls({ host: '127.0.0.1', port, servername, ca, ALPNProtocols: ['h2'] }),
  })
  const durations = await durationsOf(count, async () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/messages',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    stream.end(body)
    const [head] = await once(stream, 'response')
    if (head[':status'] !== 200) throw new Error(`status ${head[':status']}`)
    stream.resume()
    await once(stream, 'end')
  })
  session.close()
  return durations
}

/** Milliseconds of each request. */
async function durationsOf(count: number, ask: () => Promise<void>): Promise<number[]> {
  const durations: number[] = []
  let begun = 0
  const worker = async () => {
    while (begun < count) {
      begun += 1
      const startedAt = performance.now()
      await ask()
      durations.push(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return durations
}

async function stream(
  target: Target,
): Promise<{ readonly firstMs: number[]; readonly delayMs: number[]; readonly warm: ProcessUsage }> {
  using agent = agentFor(target)
  const firstMs: number[] = []
  const delayMs: number[] = []
  const one = async () => {
    const startedAt = performance.now()
    let isFirst = true
    await exchange(agent.agent, target, {
      body: smallBody,
      kind: 'stream',
      onData(chunk) {
        if (isFirst) firstMs.push(performance.now() - startedAt)
        isFirst = false
        const now = process.hrtime.bigint()
        for (const [, sentAt] of chunk.toString('latin1').matchAll(/"text":"(\d+) /g)) {
          delayMs.push(Number(now - BigInt(sentAt ?? 0)) / 1e6)
        }
      },
    })
  }
  // Once for warm connections, once to be counted.
  await Promise.all(Array.from({ length: streams }, one))
  firstMs.length = 0
  delayMs.length = 0
  const warm = await usageOf(proxy)
  await Promise.all(Array.from({ length: streams }, one))
  return { firstMs, delayMs, warm }
}

interface Exchange {
  readonly body: string
  readonly kind?: 'stream'
  onData(chunk: Buffer): void
}

async function exchange(agent: Agent, { port }: Target, { body, kind, onData }: Exchange): Promise<void> {
  const outgoing = request({
    agent,
    host: '127.0.0.1',
    port,
    servername: 'api.anthropic.com',
    method: 'POST',
    path: '/v1/messages',
    headers: {
      host: 'api.anthropic.com',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(kind && { 'x-bench': kind }),
    },
  })
  outgoing.end(body)
  const [response] = await once(outgoing, 'response')
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
  response.on('data', onData)
  await once(response, 'end')
}

function agentFor({ caCertificate }: Target): Disposable & { readonly agent: Agent } {
  const agent = new Agent({ keepAlive: true, ca: caCertificate })
  return { agent, [Symbol.dispose]: () => agent.destroy() }
}

function cpuSeconds(before: ProcessUsage, after: ProcessUsage): number {
  return (after.cpu.user - before.cpu.user + after.cpu.system - before.cpu.system) / 1e6
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}

function print(title: string, figures: Readonly<Record<string, number>>): void {
  console.log(title)
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(28)} ${value.toFixed(3)}`)
}
