/**
 * Measures what a long history costs: the start of a controller, the queries behind `usage`, `budget list` and `ps`, and the
 * ledger's own commands, through the real controller and command line, beside a home without a history. The events are written
 * into a file of a temporary directory at once (three gigabytes for ten million); their sums are made by `ledger rebuild`.
 * `npx tsc -p tsconfig.build.json && node bench/ledger-size.ts [events]`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { createClient } from '../src/controller/client.ts'
import { hostPaths, prepareHome } from '../src/host/paths.ts'
import { openDatabase } from '../src/ledger/sqlite/open-database.ts'
import { openSqliteLedger } from '../src/ledger/sqlite/sqlite-ledger.ts'

const events = Number(process.argv[2] ?? 10_000_000)
const eventsOfBottle = 1_000
const bottlesAtOnce = 18
const days = 90
const repetitions = 5

const built = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const mainPath = existsSync(built) ? built : fileURLToPath(new URL('../src/main.ts', import.meta.url))
const endMs = Date.now()
const startMs = endMs - days * 86_400_000

/** Events in the order of time; eighteen bottles work at once, each for some hours. */
function fill(db: DatabaseSync): void {
  const bottle = `i / ${bottlesAtOnce * eventsOfBottle} * ${bottlesAtOnce} + i % ${bottlesAtOnce}`
  const atMs = `${startMs} + CAST(i * ${(days * 86_400_000) / events} AS INTEGER)`
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${events} - 1)`
  db.exec(`
    PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
    DROP INDEX usage_event_of_bottle;
    BEGIN;
    ${numbers}
    INSERT INTO usage_event (attempt_id, owner, bottle_id, agent, provider, model, input_tokens, cache_read_tokens,
      output_tokens, charge_tokens, source, ending, held_tokens, estimated_input_tokens, chain_id, started_at_ms, settled_at_ms)
    SELECT printf('%022d', i), 'mib1x2r40001a1b2c3d4e5', printf('claude-%06x', b), 'claude', 'claude',
      CASE i % 5 WHEN 0 THEN 'claude-haiku-4-5' ELSE 'claude-sonnet-4-5' END, 900, 41000, 300, 42200,
      CASE i % 50 WHEN 0 THEN 'estimated' ELSE 'authoritative' END, 'complete', 2000, 1500,
      b * 200 + (at_ms / 86400000 - ${Math.floor(startMs / 86_400_000)}), at_ms, at_ms
    FROM (SELECT i, ${bottle} AS b, ${atMs} AS at_ms FROM n);
    INSERT INTO chain (chain_id, keys)
      SELECT chain_id, json_object('dayMs', min(started_at_ms) / 86400000 * 86400000, 'provider', 'claude', 'scopes',
        json_array('run:' || bottle_id, 'agent:claude', 'bottle:web', 'host'))
      FROM usage_event GROUP BY chain_id;
    INSERT INTO bottle (id, agent, definitions, state, policy, contained, created_at_ms, ended_at_ms, exit_code, reference)
      SELECT bottle_id, 'claude', '["web"]', 'exited', 'cutoff', 1, min(started_at_ms), max(started_at_ms), 0, ''
      FROM usage_event GROUP BY bottle_id;
    INSERT INTO budget VALUES ('host', 'claude', 'month', 9007199254740991), ('host', 'claude', 'day', 9007199254740991),
      ('agent:claude', 'claude', 'total', 9007199254740991), ('bottle:web', 'claude', 'week', 9007199254740991);
    INSERT INTO budget_override SELECT scope, provider, period, limit_tokens, 0 FROM budget
      WHERE period <> 'day' OR scope <> 'host';
    CREATE INDEX usage_event_of_bottle ON usage_event (bottle_id, sequence);
    COMMIT`)
}

interface Ended {
  readonly ms: number
  readonly stdout: string
}

async function command(home: string, args: readonly string[]): Promise<Ended> {
  const begunMs = performance.now()
  const child = spawn(process.execPath, [mainPath, ...args], {
    env: { PATH: process.env.PATH, HOME: home, BOT_BOTTLE_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = `${stdout}${chunk}`.slice(-2_000)
  })
  const [exitCode] = await once(child, 'close')
  if (exitCode !== 0) throw new Error(`bot-bottle ${args.join(' ')} ended with ${exitCode}: ${stdout}`)
  return { ms: performance.now() - begunMs, stdout }
}

async function startController(home: string) {
  const begunMs = performance.now()
  const child = spawn(process.execPath, [mainPath, 'controller', 'run'], {
    env: { PATH: process.env.PATH, HOME: home, BOT_BOTTLE_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the controller ended with ${code}`)))
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('is ready') && resolve())
  })
  const startedMs = performance.now() - begunMs
  return {
    startedMs,
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** The shortest of some, in milliseconds. */
async function best(run: () => Promise<unknown>): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY
  for (let index = 0; index < repetitions; index++) {
    const begunMs = performance.now()
    await run()
    bestMs = Math.min(bestMs, performance.now() - begunMs)
  }
  return bestMs
}

const commands: readonly (readonly string[])[] = [
  ['usage'],
  ['usage', '--by', 'model'],
  ['usage', '--by', 'day'],
  ['usage', '--by', 'hour', '--since', '24h'],
  ['budget', 'list'],
  ['ps'],
  ['controller', 'status'],
]

async function measure(home: string): Promise<ReadonlyMap<string, string>> {
  const figures = new Map<string, string>()
  const note = (name: string, ms: number) => figures.set(name, `${ms.toFixed(0)} ms`)
  const controller = await startController(home)
  note('start of a controller', controller.startedMs)
  const client = createClient(hostPaths(home).socketPath)
  for (const by of ['bottle', 'agent', 'model', 'day', 'hour'] as const) {
    note(`API usage by ${by}`, await best(() => client.usage({ by })))
  }
  note('API usage by day, one week', await best(() => client.usage({ by: 'day', sinceMs: endMs - 7 * 86_400_000 })))
  note('API budgets', await best(() => client.budgets()))
  note('API counters', await best(() => client.counters()))
  for (const args of commands) note(`bot-bottle ${args.join(' ')}`, await best(() => command(home, args)))
  await controller.stop()
  const again = await startController(home)
  note('start of a controller again', again.startedMs)
  await again.stop()
  return figures
}

/** Old events are rolled up while exchanges are reserved and settled one after the other. */
async function measureRetention(path: string): Promise<void> {
  await using ledger = await openSqliteLedger({ path, owner: 'bench' })
  let isDone = false
  let slowestMs = 0
  let pairs = 0
  const pairing = (async () => {
    for (; !isDone; pairs++) {
      const nowMs = Date.now()
      const attemptId = `zz${String(pairs).padStart(20, '0')}`
      const begunMs = performance.now()
      const own = { attemptId, bottleId: 'b', agent: 'claude', provider: 'claude', model: null, nowMs }
      await ledger.reserve({ ...own, holdTokens: 1, holdsRoom: true, inputTokens: 1, governing: [], chain: ['host'] })
      await ledger.settle({ ...own, usage: {}, chargeTokens: 1, source: 'authoritative', ending: 'complete' })
      slowestMs = Math.max(slowestMs, performance.now() - begunMs)
    }
  })()
  const begunMs = performance.now()
  let rolled = 0
  let slowestBatchMs = 0
  for (let batch = 0; batch < 300; batch++) {
    const batchMs = performance.now()
    rolled += await ledger.rollUp({ settledBeforeMs: endMs - 10 * 86_400_000, maxEvents: 100 })
    slowestBatchMs = Math.max(slowestBatchMs, performance.now() - batchMs)
  }
  const perBatchMs = (performance.now() - begunMs) / 300
  isDone = true
  await pairing
  console.log(
    `roll up of 100      ${perBatchMs.toFixed(1)} ms, slowest ${slowestBatchMs.toFixed(1)} ms (${rolled} events); slowest of ${pairs} pairs beside it ${slowestMs.toFixed(1)} ms`,
  )
}

const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-bench-size-'))
try {
  const { databasePath } = await prepareHome(join(directory, 'full'))
  const begunMs = performance.now()
  const db = openDatabase({ path: databasePath, busyTimeoutMs: 1_000 })
  fill(db)
  db.close()
  const { size } = await stat(databasePath)
  console.log(`${events} events in ${(size / 2 ** 20).toFixed(0)} MiB, written in ${since(begunMs)}`)
  await prepareHome(join(directory, 'empty'))
  const rebuilt = await command(join(directory, 'full'), ['ledger', 'rebuild', '--json'])
  console.log(`ledger rebuild      ${(rebuilt.ms / 1_000).toFixed(1)} s`)
  const full = await measure(join(directory, 'full'))
  const empty = await measure(join(directory, 'empty'))
  for (const [name, ms] of full) console.log(`${name.padEnd(42)} ${ms.padStart(9)}   empty: ${empty.get(name)}`)
  await measureRetention(databasePath)
  const verified = await command(join(directory, 'full'), ['ledger', 'verify'])
  console.log(`ledger verify       ${(verified.ms / 1_000).toFixed(1)} s`)
  const copied = await command(join(directory, 'full'), ['ledger', 'backup', join(directory, 'copy.db')])
  console.log(`ledger backup       ${(copied.ms / 1_000).toFixed(1)} s`)
  const exported = await command(join(directory, 'full'), ['ledger', 'export', join(directory, 'export.jsonl')])
  console.log(`ledger export       ${(exported.ms / 1_000).toFixed(1)} s`)
} finally {
  await rm(directory, { recursive: true, force: true })
}

function since(begunMs: number): string {
  return `${((performance.now() - begunMs) / 1_000).toFixed(1)} s`
}
