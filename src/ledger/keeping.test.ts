import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dayMs } from '../core/calendar.ts'
import { type KeepingOptions, keepOnce } from './keeping.ts'
import { host, reserveRequest, settleRequest } from './ledger.contract.ts'
import type { Ledger } from './ledger.ts'
import { openSqliteLedger } from './sqlite/sqlite-ledger.ts'

const nowMs = Date.UTC(2026, 10, 22, 12)

let directory: string
let ledger: Ledger
let told: unknown[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-keeping-'))
  ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'here' })
  told = []
})
afterEach(async () => {
  await ledger[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

/** One event a day, the newest now. */
async function spendDaily(days: number): Promise<void> {
  for (let day = days - 1; day >= 0; day--) {
    const atMs = nowMs - day * dayMs
    await ledger.reserve(reserveRequest(`a${day}`, { nowMs: atMs }))
    await ledger.settle(settleRequest(`a${day}`, { nowMs: atMs }))
  }
}

const keeping = (retentionDays: number | null): KeepingOptions => ({
  ledger,
  retentionDays: () => retentionDays,
  nowMs: () => nowMs,
  onRolledUp: (events) => told.push(events),
  onUnbalanced: (mismatches) => told.push(mismatches),
  onFailure: (error) => told.push(error),
})

test('rolls up what is older than the retention, and says how many; nothing when it is kept for ever', async () => {
  await spendDaily(205)
  const usage = await ledger.usage({ by: 'day' })
  await keepOnce(keeping(null), new AbortController().signal)
  expect(told).toEqual([])
  await keepOnce(keeping(2), new AbortController().signal)
  expect(told).toEqual([202])
  expect((await ledger.events({ limit: 500 })).map(({ attemptId }) => attemptId)).toEqual(['a2', 'a1', 'a0'])
  expect(await ledger.usage({ by: 'day' })).toEqual(usage)
})

test('ends between two batches when it is told to', async () => {
  await spendDaily(150)
  const stop = new AbortController()
  const options = keeping(1)
  const rollUp: Ledger['rollUp'] = async (request) => {
    stop.abort()
    return ledger.rollUp(request)
  }
  await keepOnce({ ...options, ledger: { rollUp, verify: ledger.verify } }, stop.signal)
  expect(await ledger.events({ limit: 500 })).toHaveLength(50)
})

test('tells when counters are not the sums of their events; then nothing more is reserved, and what runs is settled (I6, I9)', async () => {
  await spendDaily(1)
  await ledger.reserve(reserveRequest('open'))
  using db = new DatabaseSync(join(directory, 'ledger.db'))
  db.exec('UPDATE counter SET settled_tokens = 5')
  await keepOnce(keeping(30), new AbortController().signal)
  expect(told).toEqual([[{ ...host, settledTokens: 5, eventTokens: 90 }]])
  await expect(ledger.reserve(reserveRequest('next'))).rejects.toMatchObject({
    code: 'ledger_unusable',
    hint: expect.stringContaining('ledger rebuild'),
  })
  expect(await ledger.settle(settleRequest('open'))).toMatchObject({ kind: 'settled' })
})

test('a start believes the hours of a long history; the full verification reads all of it beside the writer (I6)', async () => {
  await spendDaily(1)
  using db = new DatabaseSync(join(directory, 'ledger.db'))
  db.exec(`
    BEGIN;
    INSERT INTO usage_event (attempt_id, owner, bottle_id, agent, provider, charge_tokens, source, ending, held_tokens,
      estimated_input_tokens, chain_id, started_at_ms, settled_at_ms)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    SELECT 'b' || i, 'here', 'x', 'claude', 'claude', 0, 'authoritative', 'complete', 0, 0, 1, ${nowMs}, ${nowMs} FROM n;
    COMMIT`)
  expect(await ledger.verify()).toEqual([])
  db.exec(`
    INSERT INTO usage_event (attempt_id, owner, bottle_id, agent, provider, charge_tokens, source, ending, held_tokens,
      estimated_input_tokens, chain_id, started_at_ms, settled_at_ms)
    VALUES ('forged', 'here', 'x', 'claude', 'claude', 7, 'authoritative', 'complete', 0, 0, 1, ${nowMs}, ${nowMs})`)
  expect(await ledger.verify('quick')).toEqual([])
  expect(await ledger.verify()).toEqual([{ ...host, settledTokens: 90, eventTokens: 97 }])
  db.exec('UPDATE counter SET settled_tokens = 97')
  expect(await ledger.verify('quick')).toEqual([{ ...host, settledTokens: 97, eventTokens: 90 }])
})
