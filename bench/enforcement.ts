/**
 * How long a cut takes from its decision until nothing flows any more, in each phase of a call, through the real proxy: until the
 * other side has lost its client. `node bench/enforcement.ts [cuts]`
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { operatorCutMessage } from '../src/core/budget/wording.ts'
import { anthropicStream } from '../test/fakes/event-streams.ts'
import { leadingTo, providerHosts, startProviderUpstream } from '../test/fakes/metered-upstream.ts'
import { anthropicHost, metered, open, startRequest } from '../test/fakes/proxy-client.ts'
import { openProxyRig, type ProxyRig } from '../test/fakes/proxy-rig.ts'
import { create, openResponsesSocket } from '../test/fakes/responses-socket.ts'
import { responseEvents, startSocketUpstream } from '../test/fakes/socket-upstream.ts'

const cuts = Number(process.argv[2] ?? 1_000)
const goalMs = 50
const deltaMs = 2

const body = metered()
const uploadHost = 'files.example.com'
const [start = '', delta = ''] = anthropicStream({ deltas: ['a'.repeat(40)] })

/** Brings one call into its phase; resolves to the moment at which nothing of it flows any more. */
type Begin = (rig: ProxyRig) => Promise<{ readonly over: Promise<number> }>

interface Phase {
  readonly name: string
  readonly stage: Parameters<typeof startProviderUpstream>[0]
  begin(arrived: () => Promise<Arrival>): Begin
}

interface Arrival {
  readonly left: Promise<number>
}

const now = () => performance.now()
const sent =
  (arrived: () => Promise<Arrival>, ask: (rig: ProxyRig) => unknown): Begin =>
  async (rig) => {
    const arrival = arrived()
    ask(rig)
    return { over: (await arrival).left }
  }
const ignore = (answer: Promise<IncomingMessage>) =>
  void answer.then(
    (response) => response.resume(),
    () => {},
  )

const phases: readonly Phase[] = [
  {
    name: 'head sent, no answer yet',
    stage: (request) => void request.resume(),
    begin: (arrived) => sent(arrived, (rig) => ignore(open(rig))),
  },
  {
    name: 'in the middle of an upload',
    stage: (request) => void request.resume(),
    begin: (arrived) => async (rig) => {
      const upload = startRequest(rig, { host: uploadHost, headers: ['transfer-encoding', 'chunked'] })
      const timer = setInterval(() => upload.write('x'.repeat(1_000)), deltaMs)
      upload.once('close', () => clearInterval(timer))
      const begun = await sent(arrived, () => upload.write('x'))(rig)
      await delay(5 + Math.random() * 20)
      return begun
    },
  },
  {
    name: 'at the first byte',
    stage: (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
    },
    begin: (arrived) => sent(arrived, (rig) => ignore(open(rig))),
  },
  {
    name: 'in the middle of a stream',
    stage: stream,
    begin: (arrived) => async (rig) => {
      const begun = await sent(arrived, (one) => ignore(open(one)))(rig)
      await delay(5 + Math.random() * 20)
      return begun
    },
  },
  {
    name: 'in the middle of a stream, HTTP/2',
    stage: stream,
    begin: (arrived) => async (rig) => {
      const session = connectHttp2(`https://127.0.0.1:${rig.ports.tls}`, {
        ca: rig.caCertificate,
        servername: anthropicHost,
      })
      session.on('error', () => {})
      const call = session.request({ ':method': 'POST', ':path': '/v1/messages', ':authority': anthropicHost })
      call.on('error', () => {})
      call.on('close', () => session.close())
      call.resume()
      const begun = await sent(arrived, () => call.end(body))(rig)
      await delay(5 + Math.random() * 20)
      return begun
    },
  },
]

function stream(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(start)
  const timer = setInterval(() => response.write(delta), deltaMs)
  response.once('close', () => clearInterval(timer))
}

async function measure(rig: ProxyRig, begin: Begin, count: number): Promise<readonly number[]> {
  const times: number[] = []
  for (let cut = 0; cut < count; cut++) {
    const { over } = await begin(rig)
    const decidedMs = now()
    const cutting = rig.proxy.cut(operatorCutMessage)
    times.push((await over) - decidedMs)
    await cutting
    rig.proxy.reopen()
  }
  return times
}

async function measureHttp({ stage, begin }: Phase, count: number): Promise<readonly number[]> {
  let onArrival: (arrival: Arrival) => void = () => {}
  const names = [...providerHosts, uploadHost]
  await using upstream = await startProviderUpstream(
    (request, response) => {
      stage?.(request, response)
      onArrival({ left: once(response, 'close').then(now) })
    },
    { names },
  )
  const { upstreams, upstreamCa } = leadingTo(upstream)
  await using rig = await openProxyRig({
    upstreams: new Map([...upstreams, [uploadHost, new URL(`https://127.0.0.1:${upstream.port}`)]]),
    upstreamCa,
    budgets: { claude: 10 ** 12 },
    routes: [{ host: uploadHost }],
  })
  const arrived = () =>
    new Promise<Arrival>((resolve) => {
      onArrival = resolve
    })
  return await measure(rig, begin(arrived), count)
}

async function measureWebSocket(count: number): Promise<readonly number[]> {
  const [created = '', text = ''] = responseEvents()
  await using upstream = await startSocketUpstream({
    onMessage(_, socket) {
      socket.send(created)
      const timer = setInterval(() => socket.send(text), deltaMs)
      socket.once('close', () => clearInterval(timer))
    },
  })
  await using rig = await openProxyRig({ ...leadingTo(upstream), budgets: { codex: 10 ** 12 } })
  return await measure(
    rig,
    async ({ ports, caCertificate }) => {
      const client = await openResponsesSocket({ port: ports.tls, ca: caCertificate })
      client.send(create())
      await client.next()
      const socket = upstream.sockets.at(-1)
      if (!socket) throw new Error('the upstream was not asked')
      await delay(5 + Math.random() * 20)
      return { over: once(socket, 'close').then(now) }
    },
    count,
  )
}

function tell(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  console.log(`  ${name.padEnd(36)} ${at(0.5).padStart(6)} ${at(0.99).padStart(6)} ${at(1).padStart(6)} ms`)
}

const each = Math.ceil(cuts / (phases.length + 1))
console.log(`${each * (phases.length + 1)} cuts, decision to last byte: p50, p99, longest   (goal: p99 ${goalMs} ms)`)
const all: number[] = []
for (const phase of phases) {
  const times = await measureHttp(phase, each)
  tell(phase.name, times)
  all.push(...times)
}
const webSocket = await measureWebSocket(each)
tell('in the middle of a WebSocket’s turn', webSocket)
tell('all', [...all, ...webSocket])
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
)
