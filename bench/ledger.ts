/**
 * Measures the ledger as the proxy uses it: reserve and settle, durable, with a chain of four counters of which one
 * governs. Prints pairs per second at 64 in flight, the time of a single pair when idle, and the longest time that the
 * main thread's event loop was blocked. `node bench/ledger.ts [pairs]`
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Ledger } from '../src/ledger/ledger.ts'
import { openSqliteLedger } from '../src/ledger/sqlite/sqlite-ledger.ts'

const pairs = Number(process.argv[2] ?? 60_000)
const idlePairs = Math.min(4_000, pairs)
const inFlight = 64
const startedAtMs = Date.now()

const host = { scope: 'host', provider: 'claude', period: 'total' } as const
const chain = ['run:claude-x1y2', 'agent:claude', 'bottle:web', 'host']

async function pair(ledger: Ledger, attemptId: string): Promise<void> {
  const nowMs = Date.now()
  const model = 'claude-sonnet'
  const outcome = await ledger.reserve({
    attemptId,
    bottleId: 'claude-x1y2',
    agent: 'claude',
    provider: 'claude',
    model,
    holdTokens: 2_000,
    holdsRoom: true,
    inputTokens: 1_500,
    governing: [host],
    chain,
    nowMs,
  })
  if (outcome.kind !== 'reserved') throw new Error(`expected a reservation, got ${outcome.kind}`)
  await ledger.settle({
    attemptId,
    usage: { inputTokens: 900, cacheReadTokens: 500, outputTokens: 300 },
    chargeTokens: 1_700,
    source: 'authoritative',
    model,
    ending: 'complete',
    nowMs,
  })
}

/** Ids that grow with time land side by side in the index of attempts; random ones touch a page each. */
let lastId = 0
const orderedId = () => `${startedAtMs.toString(36)}-${(++lastId).toString(36).padStart(8, '0')}`

async function measureThroughput(ledger: Ledger, count: number, newId: () => string): Promise<number> {
  let next = 0
  const startMs = performance.now()
  const lane = async () => {
    while (next++ < count) await pair(ledger, newId())
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return count / ((performance.now() - startMs) / 1_000)
}

async function measureIdle(ledger: Ledger, count: number) {
  const histogram = createHistogram()
  for (let index = 0; index < count; index++) {
    const startMs = performance.now()
    await pair(ledger, orderedId())
    histogram.record(Math.max(1, Math.round((performance.now() - startMs) * 1_000)))
  }
  return histogram
}

const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-bench-ledger-'))
try {
  await using ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'bench' })
  await ledger.setLimit(host, Number.MAX_SAFE_INTEGER)
  await measureThroughput(ledger, Math.min(4_000, pairs), orderedId)

  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpuBefore = process.cpuUsage()
  const pairsPerSecond = await measureThroughput(ledger, pairs, orderedId)
  const cpu = process.cpuUsage(cpuBefore)
  delay.disable()
  const idle = await measureIdle(ledger, idlePairs)

  const randomPairsPerSecond = await measureThroughput(ledger, pairs, randomUUID)

  const ms = (microseconds: number) => (microseconds / 1_000).toFixed(3)
  console.log(`pairs/s at ${inFlight} in flight    ${Math.round(pairsPerSecond)}   (goal 20000)`)
  console.log(`the same with random ids    ${Math.round(randomPairsPerSecond)}`)
  console.log(`CPU per pair, both threads  ${((cpu.user + cpu.system) / pairs).toFixed(1)} µs`)
  console.log(
    `single pair, idle           p50 ${ms(idle.percentile(50))} ms, p99 ${ms(idle.percentile(99))} ms   (goal p50 0.2)`,
  )
  console.log(`longest event-loop block    ${(delay.max / 1e6).toFixed(1)} ms   (goal 10; the timer's own period is 1)`)
  console.log(`counters against events     ${(await ledger.verify()).length} mismatches`)
  console.log(
    `load average                ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  )
} finally {
  await rm(directory, { recursive: true, force: true })
}
