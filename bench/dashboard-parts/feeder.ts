/**
 * A controller's feeding of dashboards, and nothing else of it: its real server, bus and activity book, with events made up for
 * 50 bottles and 200 streams that tell ten times a second. What is asked besides is answered as for such a day.
 * argv: the path of the socket, and the role: `silent` (events nobody hears), `booked` (the activity book hears them) or `full`
 * (that, and whoever connects). Prints `ready`, and on every line of stdin its CPU time so far in milliseconds.
 */
import { createInterface } from 'node:readline'
import { openActivityBook } from '../../src/controller/activity-book.ts'
import type { BottleView, BudgetView, ControllerEvent } from '../../src/controller/api.ts'
import type { Controller } from '../../src/controller/controller.ts'
import { createEventBus } from '../../src/controller/event-bus.ts'
import { createApiServer } from '../../src/controller/server.ts'
import { recentSinceMs } from '../../src/core/budget/forecast.ts'

const [socketPath = '', role = 'full'] = process.argv.slice(2)
const bottleCount = 50
const streamCount = 200
const tellsPerSecond = 10
const tokensPerTell = 8
/** Then it is settled, and the next begins. */
const tellsOfStream = 300

const beganAtMs = Date.now()
const ids = Array.from({ length: bottleCount }, (_, index) => `agent${index % 10}-${(0xa000 + index * 7).toString(16)}`)
const scopesOf = (index: number) => [`run:${ids[index]}`, `agent:agent${index % 10}`, `bottle:web${index % 5}`, 'host']
const counters = (scope: string) => ({
  ...{
    scope,
    provider: 'claude',
    period: 'total',
    limitTokens: 50_000_000,
    settledTokens: 9_000_000,
    reservedTokens: 0,
  },
})
const views = ids.map(
  (id, index): BottleView => ({
    ...{ id, agent: `agent${index % 10}`, definitions: [`web${index % 5}`], state: 'running', policy: 'cutoff' },
    ...{ contained: true, detached: false, createdAtMs: beganAtMs, endedAtMs: null, exitCode: null },
    ...{ budgets: [counters(`run:${id}`)], chargedTokens: 0, openExchanges: 4, scopes: scopesOf(index) },
  }),
)
const budgets = [...ids.map((id) => `run:${id}`), 'host'].map(
  (scope): BudgetView => ({
    ...{ ...counters(scope), limitTokens: 50_000_000, leftTokens: 41_000_000, always: false, origin: 'operator' },
    ...{ resetsAtMs: null, holdsFor: scope === 'host' ? [] : [scope.slice('run:'.length)], overruledFor: [] },
    recent: { usedTokens: 90_000, exchanges: 40, sinceMs: recentSinceMs(beganAtMs) },
    forecast: { kind: 'lasts', tokensPerHour: 36_000 },
  }),
)

const bus = createEventBus()
const ledger = { bottles: async () => [], usage: async () => [], audit: async () => [] }
if (role !== 'silent') {
  const activity = await openActivityBook({ bus, ledger, nowMs: Date.now })
  const controller = { bus, activity, ledger, views: async () => views, budgets: { list: async () => budgets } }
  const onBug = (error: unknown) => process.stderr.write(`${String(error)}\n`)
  const server = createApiServer({
    // Of a controller, what is asked for here.
    controller: controller as unknown as Controller,
    stop: () => undefined,
    status: () => ({ version: '0.0.0' }),
    onBug,
  })
  if (role === 'full') server.listen(socketPath)
}
for (const bottle of views) bus.emit({ kind: 'bottle', bottle, atMs: Date.now() })

const streams = Array.from({ length: streamCount }, (_, index) => ({
  index,
  bottle: index % bottleCount,
  told: Math.floor((index * tellsOfStream) / streamCount),
  attempt: 0,
}))
function tell(stream: (typeof streams)[number], emit: (event: ControllerEvent) => void): void {
  const atMs = Date.now()
  const bottleId = ids[stream.bottle] ?? ''
  const of = { bottleId, attemptId: `${stream.index}-${stream.attempt}`, provider: 'claude', atMs }
  const observedTokens = 2_000 + stream.told * tokensPerTell
  if (stream.told === 0) emit({ ...of, kind: 'exchange_started', model: 'claude-opus-4-8', holdTokens: 3_000 })
  stream.told += 1
  if (stream.told < tellsOfStream) {
    emit({ ...of, kind: 'exchange_progress', observedTokens, heldTokens: observedTokens + 512 })
    return
  }
  const charged = scopesOf(stream.bottle).map((scope) => counters(scope))
  emit({
    ...{
      ...of,
      kind: 'exchange_settled',
      model: 'claude-opus-4-8',
      usage: { inputTokens: 2_000, outputTokens: 2_400 },
    },
    ...{ chargeTokens: observedTokens, source: 'authoritative', ending: 'complete', startedAtMs: atMs - 30_000 },
    ...{ governing: charged[0] ?? null, counters: charged.slice(0, 1) },
  })
  Object.assign(stream, { told: 0, attempt: stream.attempt + 1 })
}
// A twentieth of the streams at a time, as they come in reality.
const slices = 20
let slice = 0
process.stdout.write('ready\n')
setInterval(
  () => {
    slice = (slice + 1) % slices
    for (const stream of streams) if (stream.index % slices === slice) tell(stream, bus.emit)
  },
  1_000 / tellsPerSecond / slices,
)
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage()
  process.stdout.write(`${(user + system) / 1_000}\n`)
}
