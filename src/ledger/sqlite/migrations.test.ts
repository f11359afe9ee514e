import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { ledgerApplicationId, migrations } from './migrations.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

/** A ledger as the first schema had it: limits in counters, chains without a day. */
function createFirstLedger(path: string): void {
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA application_id = ${ledgerApplicationId}; PRAGMA foreign_keys = ON`)
  db.exec('CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT')
  db.exec(migrations[0]?.sql ?? '')
  const day = (date: string) => Date.parse(`2026-${date}Z`)
  const columns = 'attempt_id, owner, bottle_id, agent, provider, model'
  db.exec(`
    INSERT INTO schema_version VALUES (1);
    INSERT INTO chain VALUES (1, '[["run:x","claude","total"],["host","claude","total"]]'),
      (2, '[["run:y","codex","total"],["host","codex","total"]]');
    INSERT INTO chain_counter VALUES ('run:x', 'claude', 'total', 1), ('host', 'claude', 'total', 1),
      ('run:y', 'codex', 'total', 2), ('host', 'codex', 'total', 2);
    INSERT INTO counter VALUES ('run:x', 'claude', 'total', NULL, 30, 0), ('host', 'claude', 'total', 500, 30, 100),
      ('run:y', 'codex', 'total', 7, 5, 0), ('host', 'codex', 'total', NULL, 5, 0);
    INSERT INTO usage_event (${columns}, input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, charge_tokens, source, ending, held_tokens,
      estimated_input_tokens, chain_id, started_at_ms, settled_at_ms) VALUES
      ('a', 'old', 'x', 'claude', 'claude', NULL, 10, NULL, NULL, 10, 'authoritative', 'complete', 1, 1, 1, ${day('11-22T23:59')}, ${day('11-23T00:01')}),
      ('b', 'old', 'x', 'claude', 'claude', 'm', 15, 2, 3, 20, 'estimated', 'cut', 1, 1, 1, ${day('11-23T00:02')}, ${day('11-23T00:03')}),
      ('c', 'old', 'y', 'codex', 'codex', 'm', 5, NULL, NULL, 5, 'authoritative', 'complete', 1, 1, 2, ${day('11-23T00:02')}, ${day('11-23T00:03')});
    INSERT INTO reservation VALUES ('d', 'old', 'x', 'claude', 'claude', 'm', 100, 80, '[["host","claude","total"]]', 1,
      ${day('11-24T09:00')}, ${day('11-24T09:00')});
    INSERT INTO enforcement VALUES (1, 'e1', 'x', 'cutoff', 'budget', 'intent', 'spent', 1),
      (2, 'e1', 'x', 'cutoff', 'budget', 'done', '', 2), (3, 'e2', 'y', 'kill', 'operator', 'intent', 'asked', 3);`)
  db.close()
}

it('brings a ledger of the first schema up to date: nothing it knew is lost, and periods are right at once (L12)', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'ledger.db')
  createFirstLedger(path)
  await using ledger = await openSqliteLedger({ path, owner: 'new' })
  expect(await ledger.verify()).toEqual([])
  expect(await ledger.limits()).toEqual([
    { scope: 'host', provider: 'claude', period: 'total', limitTokens: 500 },
    { scope: 'run:y', provider: 'codex', period: 'total', limitTokens: 7 },
  ])
  expect(await ledger.audit({ limit: 9 })).toMatchObject([
    { sequence: 1, phase: 'intent', step: null, detail: 'spent' },
    { sequence: 2, phase: 'done' },
    { sequence: 3, bottleId: 'y', trigger: 'operator' },
  ])
  expect(await ledger.openEnforcements()).toMatchObject([{ enforcementId: 'e2', doneSteps: [] }])
  expect(await ledger.usage({ by: 'model' })).toMatchObject([
    { group: 'm', provider: 'claude', exchanges: 1, inputTokens: 15, cacheWriteTokens: 5, cacheWrite1hTokens: 3 },
    { group: '', provider: 'claude', exchanges: 1, inputTokens: 10, cacheWrite1hTokens: 0, chargeTokens: 10 },
    { group: 'm', provider: 'codex', exchanges: 1, chargeTokens: 5 },
  ])
  const settledIn = async (period: string, provider = 'claude') =>
    (await ledger.counter({ scope: 'host', provider, period })).settledTokens
  expect([await settledIn('day:2026-11-22'), await settledIn('day:2026-11-23')]).toEqual([10, 20])
  expect([await settledIn('run:x'), await settledIn('month:2026-11', 'codex')]).toEqual([30, 5])
  expect(await ledger.recover(Date.UTC(2026, 10, 25))).toMatchObject([{ attemptId: 'd', chargeTokens: 100 }])
  expect([await settledIn('total'), await settledIn('day:2026-11-24')]).toEqual([130, 100])
  expect(await ledger.verify()).toEqual([])
})
