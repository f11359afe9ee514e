import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/fakes/until.ts'
import { BottleError } from '../../core/errors.ts'
import { counterKey, reserveRequest, settleRequest } from '../ledger.contract.ts'
import { latestSchemaVersion } from './migrations.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

describe('opening the ledger', () => {
  let directory: string
  let path: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
    path = join(directory, 'ledger.db')
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const open = (changes: { path?: string; busyTimeoutMs?: number } = {}) =>
    openSqliteLedger({ path, owner: 'here', ...changes })
  const create = async () => {
    await using ledger = await open()
    await ledger.setLimit(counterKey('host'), 7)
  }
  const edit = (sql: string) => {
    const db = new DatabaseSync(path)
    db.exec(sql)
    db.close()
  }
  const refusal = async (opening: Promise<unknown> = open()): Promise<BottleError> => {
    const error = await opening.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof BottleError)) throw new Error(`expected a BottleError, got ${String(error)}`)
    expect(error).toMatchObject({ code: 'ledger_unusable', hint: expect.stringMatching(/\.$/) })
    return error
  }

  it('creates files for the owner alone, and leaves one file when closed', async () => {
    await using ledger = await open()
    await ledger.setLimit(counterKey('host'), 7)
    const modes = readdirSync(directory).map((file) => [file, statSync(join(directory, file)).mode & 0o777])
    expect(Object.fromEntries(modes)).toEqual({ 'ledger.db': 0o600, 'ledger.db-shm': 0o600, 'ledger.db-wal': 0o600 })
    await ledger[Symbol.asyncDispose]()
    expect(readdirSync(directory)).toEqual(['ledger.db'])
  })

  it('takes away the permissions that others had', async () => {
    await create()
    chmodSync(path, 0o644)
    await create()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('lets several create and open one ledger at once', async () => {
    const ledgers = await Promise.all(Array.from({ length: 6 }, () => open()))
    await Promise.all(ledgers.map((ledger, index) => ledger.setLimit(counterKey(`run:${index}`), index)))
    expect(await ledgers[0]?.limits()).toHaveLength(6)
    for (const ledger of ledgers) await ledger[Symbol.asyncDispose]()
    expect(readdirSync(directory)).toEqual(['ledger.db'])
  })

  it('keeps what it has when it is opened again', async () => {
    await create()
    await using ledger = await open()
    expect(await ledger.limits()).toMatchObject([{ limitTokens: 7 }])
  })

  it('refuses a newer schema with both numbers, and says how to update (L09)', async () => {
    await create()
    edit('INSERT INTO schema_version VALUES (99)')
    const { message, hint } = await refusal()
    expect(message).toContain(`has schema 99, this program knows schemas up to ${latestSchemaVersion}`)
    expect(hint).toContain('npm install --global bot-bottle@latest')
  })

  it('refuses a file that is not a database, and leaves it as it was (L09)', async () => {
    writeFileSync(path, 'budget: 5\n'.repeat(1_000))
    expect((await refusal()).message).toContain('is not a database')
    expect(readFileSync(path, 'utf8')).toBe('budget: 5\n'.repeat(1_000))
  })

  it('refuses an empty file and the database of another program', async () => {
    writeFileSync(path, '')
    expect((await refusal()).message).toContain('is an empty file')
    expect(statSync(path).size).toBe(0)
    edit('CREATE TABLE cookies (name TEXT)')
    expect((await refusal()).message).toContain('not a ledger')
  })

  it.each([
    ['overwritten in the middle', (bytes: Buffer) => bytes.fill(0x5a, 4_096, bytes.length - 4_096)],
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 5_000)],
  ])('refuses a file that was %s (L09)', async (_how, damage) => {
    await create()
    const damaged = damage(readFileSync(path))
    writeFileSync(path, damaged)
    expect((await refusal()).message).toContain('damaged')
    expect(readFileSync(path).equals(damaged)).toBe(true)
  })

  it('does not start an empty ledger beside the log of a lost one', async () => {
    writeFileSync(`${path}-wal`, 'frames')
    expect((await refusal()).message).toContain('write-ahead log')
    expect(readdirSync(directory)).toEqual(['ledger.db-wal'])
  })

  it('refuses a missing directory, a directory as the file, and a file as the directory', async () => {
    expect((await refusal(open({ path: join(directory, 'none', 'ledger.db') }))).message).toContain('does not exist')
    mkdirSync(path)
    expect((await refusal()).message).toContain('is not a file')
    writeFileSync(join(directory, 'file'), '')
    expect((await refusal(open({ path: join(directory, 'file', 'ledger.db') }))).message).toContain('not a directory')
  })

  it('refuses a database that another program keeps locked (L09)', async () => {
    await create()
    const other = new DatabaseSync(path)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    expect((await refusal(open({ busyTimeoutMs: 30 }))).message).toContain('locked by another program')
    other.close()
  })

  it('rejects writes while another program holds the lock, and serves again after (L09)', async () => {
    await create()
    await using ledger = await open({ busyTimeoutMs: 30 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    expect((await refusal(ledger.reserve(reserveRequest('a')))).message).toContain('locked by another program')
    expect(await ledger.counter(counterKey('host'))).toMatchObject({ reservedTokens: 0 })
    other.close()
    expect(await ledger.reserve(reserveRequest('a', { holdTokens: 1 }))).toEqual({ kind: 'reserved' })
  })

  it('writes a charge that could not be written before anything new is admitted, once it can (L09)', async () => {
    await using ledger = await open({ busyTimeoutMs: 30 })
    const host = counterKey('host')
    await ledger.setLimit(host, 100)
    await ledger.reserve(reserveRequest('a', { holdTokens: 10 }))
    {
      using other = new DatabaseSync(path)
      other.exec('BEGIN IMMEDIATE')
      const charge = settleRequest('a', { chargeTokens: 100 })
      expect((await refusal(ledger.settle(charge))).message).toContain('locked by another program')
      await refusal(ledger.settle(charge))
    }
    const next = await ledger.reserve(reserveRequest('b', { holdTokens: 10 }))
    expect(next).toMatchObject({ kind: 'denied', reason: 'exhausted' })
    expect(await ledger.counter(host)).toMatchObject({ settledTokens: 100, reservedTokens: 0 })
    expect(await ledger.events({ limit: 9 })).toHaveLength(1)
  })

  it('writes such a charge also when nobody asks for anything, and when the ledger is closed (L09)', async () => {
    const host = counterKey('host')
    {
      await using ledger = await open({ busyTimeoutMs: 30 })
      await ledger.reserve(reserveRequest('a'))
      await ledger.reserve(reserveRequest('b'))
      const lock = new DatabaseSync(path)
      lock.exec('BEGIN IMMEDIATE')
      await refusal(ledger.settle(settleRequest('a', { chargeTokens: 70 })))
      lock.exec('ROLLBACK')
      await until('the charge is written', async () => (await ledger.counter(host)).settledTokens === 70)
      lock.exec('BEGIN IMMEDIATE')
      await refusal(ledger.settle(settleRequest('b', { chargeTokens: 5 })))
      lock.close()
    }
    await using ledger = await open()
    expect(await ledger.counter(host)).toMatchObject({ settledTokens: 75, reservedTokens: 0 })
  })
})
