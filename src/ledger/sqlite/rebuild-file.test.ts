import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { counterKey, host, hourMs, reserveRequest, settleRequest } from '../ledger.contract.ts'
import type { Ledger } from '../ledger.ts'
import { backUpLedgerFile } from './backup-file.ts'
import { rebuildLedgerFile } from './rebuild-file.ts'
import { openSqliteJournal, openSqliteLedger } from './sqlite-ledger.ts'

const nowMs = Date.UTC(2026, 10, 22, 18, 40, 5)
const startMs = Date.UTC(2026, 10, 20)
const events = 900
const pageBytes = 4_096

const chainOf = (bottleId: string) => [`run:${bottleId}`, 'agent:claude', 'bottle:web', 'host']

/** Charges of three bottles over two days, a hold, a limit, an audit: something in every table. */
async function fill(ledger: Ledger): Promise<void> {
  await ledger.setLimit(host, 1_000_000)
  await ledger.setLimit({ ...host, period: 'day' }, 1_000_000)
  const charge = async (index: number) => {
    const attemptId = `attempt-${String(index).padStart(6, '0')}`
    const atMs = startMs + index * 200_000
    const bottleId = `claude-${index % 3}`
    const chain = chainOf(bottleId)
    await ledger.reserve(reserveRequest(attemptId, { bottleId, chain, holdTokens: 1, nowMs: atMs }))
    await ledger.settle(settleRequest(attemptId, { chargeTokens: 1 + (index % 7), nowMs: atMs }))
  }
  for (let index = 0; index < events; index += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, offset) => charge(index + offset)))
  }
  while ((await ledger.rollUp({ settledBeforeMs: startMs + 12 * hourMs, maxEvents: 100 })) > 0);
  const today = { ...host, period: 'day:2026-11-22' }
  const open = { bottleId: 'claude-0', chain: chainOf('claude-0'), holdTokens: 77, governing: [host, today], nowMs }
  await ledger.reserve(reserveRequest('open', open))
  for (const name of ['claude-0', 'claude-1', 'claude-2']) {
    await ledger.insertBottle({
      id: name,
      agent: 'claude',
      definitions: ['web'],
      state: 'exited',
      policy: 'cutoff',
      contained: true,
      createdAtMs: startMs,
      endedAtMs: null,
      exitCode: 0,
      reference: '',
    })
  }
  await ledger.setOverride({ ...counterKey('run:claude-0'), limitTokens: 5, always: false })
}

async function told(ledger: Ledger) {
  return {
    counters: await ledger.counters(),
    limits: await ledger.limits(),
    overrides: await ledger.overrides(),
    bottles: await ledger.bottles({ living: false }),
    hours: await ledger.usage({ by: 'hour', eachModel: true }),
    usage: await ledger.usage({ by: 'bottle' }),
  }
}

describe('rebuilding a ledger', () => {
  let directory: string
  let path: string
  let before: Awaited<ReturnType<typeof told>>

  let original: Buffer

  beforeAll(async () => {
    const own = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
    {
      await using ledger = await openSqliteLedger({ path: join(own, 'ledger.db'), owner: 'here' })
      await fill(ledger)
      before = await told(ledger)
    }
    original = readFileSync(join(own, 'ledger.db'))
    rmSync(own, { recursive: true })
  })
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
    path = join(directory, 'ledger.db')
    writeFileSync(path, original)
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const pagesOf = (table: string, type: string): readonly number[] => {
    using db = new DatabaseSync(path, { readOnly: true })
    return db
      .prepare('SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno')
      .all(table, type)
      .map(({ pageno }) => Number(pageno))
  }
  /** Pages are numbered from 1. */
  const overwrite = (pages: readonly (number | undefined)[]): Buffer => {
    const bytes = readFileSync(path)
    for (const page of pages) {
      if (page === undefined) throw new Error('expected such a page')
      bytes.fill(0xa5, (page - 1) * pageBytes, page * pageBytes)
    }
    writeFileSync(path, bytes)
    return bytes
  }
  const toldNow = async () => {
    await using ledger = await openSqliteLedger({ path, owner: 'here' })
    expect(await ledger.verify()).toEqual([])
    return await told(ledger)
  }
  const salvaged = () => {
    const report = rebuildLedgerFile(path, nowMs)
    if (report.kind !== 'salvaged') throw new Error(`expected a damaged file, found ${report.kind}`)
    expect(report.keptAs).toBe(`${path}.damaged-20261122T184005Z`)
    expect(readdirSync(directory).filter((file) => file.includes('rebuild'))).toEqual([])
    return report
  }

  it('makes every sum of a sound file anew, and says what it mended (I6)', async () => {
    const db = new DatabaseSync(path)
    db.exec(`
      UPDATE counter SET settled_tokens = 1, reserved_tokens = 3 WHERE scope = 'host';
      DELETE FROM counter WHERE scope = 'agent:claude';
      UPDATE usage_hour SET charge_tokens = charge_tokens + 1, exchanges = 0 WHERE bottle_id = 'claude-1';
      DELETE FROM usage_hour WHERE bottle_id = 'claude-2';
      DELETE FROM chain_scope;`)
    db.close()
    const report = rebuildLedgerFile(path, nowMs)
    expect(report).toMatchObject({ kind: 'rebuilt', events: 684 })
    const kinds = report.kind === 'rebuilt' ? report.mended.map(({ kind }) => kind) : []
    expect([...new Set(kinds)].toSorted()).toEqual(['counter', 'hold', 'hours'])
    expect(await toldNow()).toEqual(before)
    expect(readdirSync(directory)).toEqual(['ledger.db'])
  })

  it.each([
    ['a sound file', () => []],
    ['a damaged file', () => pagesOf('usage_event', 'leaf').slice(2, 3)],
  ])('keeps who this host is and what it was granted of shared counters, of %s', async (_what, pages) => {
    {
      await using ledger = await openSqliteJournal({ path, owner: 'here' })
      await ledger.identify('host-1')
      await ledger.setGrant(host, 123_456)
    }
    overwrite(pages())
    rebuildLedgerFile(path, nowMs)
    await using ledger = await openSqliteJournal({ path, owner: 'here' })
    expect(await ledger.identify('host-2')).toBe('host-1')
    expect(await ledger.grant(host)).toMatchObject({ grantedTokens: 123_456 })
  })

  it.each([
    ['wide', 2 ** 40, 684],
    ['wider than numbers are read', 2 ** 60, 683],
  ])('steps over a gap between events that is %s', async (_what, sequence, savedEvents) => {
    const last = new DatabaseSync(path)
    last.exec(`DROP TRIGGER usage_event_is_never_updated;
      UPDATE usage_event SET sequence = ${sequence} WHERE sequence = (SELECT max(sequence) FROM usage_event)`)
    last.close()
    overwrite(pagesOf('counter', 'leaf'))
    expect(salvaged()).toMatchObject({ savedEvents })
    expect(await toldNow()).toEqual(before)
  })

  it('removes what a process left that was killed while it rebuilt', () => {
    writeFileSync(`${path}.rebuild-1`, 'a part')
    writeFileSync(`${path}.rebuild-1-wal`, 'a part')
    rebuildLedgerFile(path, nowMs)
    expect(readdirSync(directory)).toEqual(['ledger.db'])
  })

  it('changes nothing in a ledger that was right', async () => {
    expect(rebuildLedgerFile(path, nowMs)).toMatchObject({ kind: 'rebuilt', mended: [] })
    expect(await toldNow()).toEqual(before)
  })

  it.each([
    ['three pages of events', () => pagesOf('usage_event', 'leaf').slice(2, 5)],
    ['the way to the events', () => pagesOf('usage_event', 'internal')],
    ['the first and the last page of events', () => [0, -1].map((at) => pagesOf('usage_event', 'leaf').at(at))],
    ['the index of attempts', () => pagesOf('sqlite_autoindex_usage_event_1', 'leaf').slice(0, 1)],
    ['the counters', () => pagesOf('counter', 'leaf')],
    ['the days of scopes', () => pagesOf('chain_scope', 'leaf')],
    ['the chains', () => pagesOf('chain', 'leaf')],
    ['the chains and their index', () => ['chain', 'sqlite_autoindex_chain_1'].flatMap((one) => pagesOf(one, 'leaf'))],
  ])('brings all charges over from a file without %s, and keeps that file as it was (L09)', async (_what, pages) => {
    const damaged = overwrite(pages())
    const { keptAs, savedEvents, lostEvents, lostEventsInSums } = salvaged()
    expect(savedEvents + lostEvents).toBe(684)
    expect(lostEventsInSums).toBe(lostEvents)
    expect(await toldNow()).toEqual(before)
    expect(readFileSync(keptAs).equals(damaged)).toBe(true)
  })

  it.each([
    ['DELETE FROM chain WHERE chain_id IN (SELECT min(chain_id) FROM usage_event)', 'usage_event'],
    ['DELETE FROM chain WHERE chain_id IN (SELECT min(chain_id) FROM reservation)', 'reservation'],
  ])('tells what refers to nothing, and charges it to whom its bottle says (%s)', async (sql, table) => {
    const db = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    db.exec(sql)
    db.close()
    const report = rebuildLedgerFile(path, nowMs)
    const mended = report.kind === 'rebuilt' ? report.mended : []
    expect(mended).toContainEqual(expect.objectContaining({ kind: 'foreign', table, parent: 'chain' }))
    expect(await toldNow()).toEqual(before)
  })

  it('saves the other tables where one is gone from the list of tables (L09)', async () => {
    const db = new DatabaseSync(path, { defensive: false })
    db.exec(`PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE tbl_name = 'bottle'`)
    db.close()
    expect(salvaged()).toMatchObject({ savedEvents: 684, lostEvents: 0, incompleteTables: ['bottle'] })
    expect(await toldNow()).toEqual({ ...before, bottles: [] })
  })

  it.each([
    ['a chain is no JSON any more', `UPDATE chain SET keys = 'x' || keys WHERE chain_id = 1`],
    ['an event has less than nothing', 'UPDATE usage_event SET charge_tokens = -5 WHERE sequence = 400'],
  ])('makes a new file where %s in one that is sound as such', async (_what, sql) => {
    const db = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    db.exec(`PRAGMA ignore_check_constraints = ON; DROP TRIGGER usage_event_is_never_updated; ${sql}`)
    db.close()
    salvaged()
    expect(await toldNow()).toEqual(before)
  })

  it('makes a ledger that adds up, or says why it cannot, whatever bytes are changed (L09)', async () => {
    const change = fc.record({
      at: fc.nat({ max: original.length - 200 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        const damaged = Buffer.from(original)
        for (const { at, bytes } of changes) damaged.set(bytes, at + 100)
        for (const file of readdirSync(directory)) rmSync(join(directory, file))
        writeFileSync(path, damaged)
        try {
          rebuildLedgerFile(path, nowMs)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ledger_unusable' })
          return
        }
        await toldNow()
      }),
      { numRuns: 10, seed: 20_261_122 },
    )
  }, 60_000)

  it('takes sums beyond 2^53 for what they are, at their end', async () => {
    {
      await using ledger = await openSqliteLedger({ path, owner: 'here' })
      for (const attemptId of ['huge 1', 'huge 2']) {
        await ledger.reserve(reserveRequest(attemptId, { holdTokens: 0, governing: [], nowMs }))
        await ledger.settle(settleRequest(attemptId, { chargeTokens: Number.MAX_SAFE_INTEGER, nowMs }))
      }
    }
    expect(rebuildLedgerFile(path, nowMs)).toMatchObject({ kind: 'rebuilt', mended: [] })
  })

  it('counts again from the events where the hours cannot be read', async () => {
    overwrite(pagesOf('usage_hour', 'leaf'))
    expect(salvaged()).toMatchObject({ savedEvents: 684, lostEvents: 0, incompleteTables: [] })
    expect(await toldNow()).toEqual(before)
  })

  it('brings a file of an older schema up to date, also where it is damaged: no controller could (L09)', async () => {
    const makeOlder = () => {
      const db = new DatabaseSync(path)
      db.exec(`
        DROP TABLE host;
        DROP INDEX usage_hour_untold;
        ALTER TABLE counter DROP COLUMN granted_tokens;
        ALTER TABLE usage_hour DROP COLUMN changed_ms;
        ALTER TABLE usage_hour DROP COLUMN told_ms;
        DELETE FROM schema_version WHERE version > 7`)
      db.close()
    }
    makeOlder()
    const copy = join(directory, 'copy.db')
    await backUpLedgerFile(path, copy)
    expect(rebuildLedgerFile(path, nowMs)).toMatchObject({ kind: 'rebuilt', mended: [] })
    expect(await toldNow()).toEqual(before)
    rmSync(path)
    renameSync(copy, path)
    overwrite(pagesOf('usage_event', 'leaf').slice(1, 3))
    const { savedEvents, lostEvents, lostEventsInSums } = salvaged()
    expect([savedEvents + lostEvents, lostEventsInSums]).toEqual([684, lostEvents])
    expect(await toldNow()).toEqual(before)
  })

  it('saves what it can of a file that was cut short, and says how many events are lost (L09)', async () => {
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.subarray(0, bytes.length - 20 * pageBytes - 100))
    const { savedEvents, lostEvents } = salvaged()
    expect(savedEvents).toBeGreaterThan(0)
    expect(lostEvents).toBeGreaterThan(0)
    expect((await toldNow()).counters.length).toBeGreaterThan(0)
  })

  it('refuses a file of which nothing can be read, and one of a newer program, and leaves both as they are (L09)', () => {
    const db = new DatabaseSync(path)
    db.exec('INSERT INTO schema_version VALUES (99)')
    db.close()
    expect(() => rebuildLedgerFile(path, nowMs)).toThrow('has schema 99')
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 0, 4 * pageBytes)
    writeFileSync(path, bytes)
    expect(() => rebuildLedgerFile(path, nowMs)).toThrow('is not a database')
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(readdirSync(directory).filter((file) => !/-(?:wal|shm)$/.test(file))).toEqual(['ledger.db'])
  })
})
