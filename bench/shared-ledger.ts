/**
 * Measures a ledger that hosts share, against a PostgreSQL of its own with durable commits: pairs per second at 64 in flight, as
 * `ledger.ts` does for one host, and how long a reservation takes that has to be granted room first.
 * `node bench/shared-ledger.ts [pairs]`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram, performance } from 'node:perf_hooks'
import type { CounterKey } from '../src/core/budget/scope.ts'
import type { Ledger } from '../src/ledger/ledger.ts'
import { openPostgresLedger } from '../src/ledger/postgres/postgres-ledger.ts'
import { openSqliteLedger } from '../src/ledger/sqlite/sqlite-ledger.ts'
import { startPostgres } from '../test/fakes/postgres-server.ts'

const pairs = Number(process.argv[2] ?? 30_000)
const grants = Math.min(1_000, pairs)
const inFlight = 64
const host = { scope: 'host', provider: 'claude', period: 'total' } as const
const chain = ['run:claude-x1y2', 'agent:claude', 'bottle:web', 'host']

let lastId = 0
const newId = () => `${performance.timeOrigin.toString(36)}-${(++lastId).toString(36).padStart(8, '0')}`

async function reserve(ledger: Ledger, attemptId: string, governing: CounterKey): Promise<void> {
  const of = { bottleId: 'claude-x1y2', agent: 'claude', provider: 'claude', model: 'claude-sonnet' }
  const sizes = { holdTokens: 2_000, holdsRoom: true, inputTokens: 1_500 }
  const scopes = [...new Set([...chain.slice(0, -1), governing.scope, 'host'])]
  const request = { attemptId, ...of, ...sizes, governing: [governing], chain: scopes, nowMs: Date.now() }
  const outcome = await ledger.reserve(request)
  if (outcome.kind !== 'reserved') throw new Error(`expected a reservation, got ${outcome.kind}`)
}

async function pair(ledger: Ledger): Promise<void> {
  const attemptId = newId()
  await reserve(ledger, attemptId, host)
  await ledger.settle({
    attemptId,
    usage: { inputTokens: 900, cacheReadTokens: 500, outputTokens: 300 },
    chargeTokens: 1_700,
    source: 'authoritative',
    model: null,
    ending: 'complete',
    nowMs: Date.now(),
  })
}

async function pairsPerSecond(ledger: Ledger, count: number): Promise<number> {
  let next = 0
  const startMs = performance.now()
  const lane = async () => {
    while (next++ < count) await pair(ledger)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return count / ((performance.now() - startMs) / 1_000)
}

/** Each of another budget, of which this host was granted nothing. */
async function grantTimes(ledger: Ledger, count: number) {
  const histogram = createHistogram()
  for (let index = 0; index < count; index++) {
    const key = { ...host, scope: `bottle:b${index}` }
    await ledger.setLimit(key, 1_000_000)
    const startMs = performance.now()
    await reserve(ledger, newId(), key)
    histogram.record(Math.max(1, Math.round((performance.now() - startMs) * 1_000)))
  }
  return histogram
}

const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-bench-shared-'))
await using server = await startPostgres([])
try {
  await using alone = await openSqliteLedger({ path: join(directory, 'alone.db'), owner: 'bench' })
  const url = await server.createDatabase()
  await using shared = await openPostgresLedger({ path: join(directory, 'shared.db'), owner: 'bench', url })
  for (const ledger of [alone, shared]) {
    await ledger.setLimit(host, Number.MAX_SAFE_INTEGER)
    await pairsPerSecond(ledger, Math.min(4_000, pairs))
  }
  const ofOne = await pairsPerSecond(alone, pairs)
  const ofMany = await pairsPerSecond(shared, pairs)
  const granted = await grantTimes(shared, grants)
  const ms = (percent: number) => (granted.percentile(percent) / 1_000).toFixed(2)
  console.log(`pairs/s at ${inFlight} in flight    shared ${Math.round(ofMany)}, of one host ${Math.round(ofOne)}`)
  console.log(`reserve that asks for room  p50 ${ms(50)} ms, p99 ${ms(99)} ms`)
  console.log(`sums against the database   ${(await shared.verify()).length} mismatches`)
} finally {
  await rm(directory, { recursive: true, force: true })
}
