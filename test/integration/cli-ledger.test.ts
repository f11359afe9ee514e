import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lockInstance } from '../../src/controller/instance.ts'
import { hostPaths, prepareHome } from '../../src/host/paths.ts'
import { host, hourMs, reserveRequest, settleRequest } from '../../src/ledger/ledger.contract.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { commandLine } from './command-line.ts'

const startMs = Date.UTC(2026, 0, 15, 10, 20)

describe('the commands of the ledger', () => {
  let home: string
  let path: string

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'bot-bottle-cli-ledger-'))
    await prepareHome(home)
    path = hostPaths(home).databasePath
  })
  afterEach(() => rm(home, { recursive: true }))

  const command = (...args: string[]) => commandLine(['ledger', ...args], { home, cwd: home })
  const inLedger = async (use: (ledger: Ledger) => Promise<unknown>) => {
    await using ledger = await openSqliteLedger({ path, owner: 'here' })
    await use(ledger)
  }
  const spend = async (ledger: Ledger, attemptId: string, chargeTokens: number, atMs = startMs) => {
    await ledger.reserve(reserveRequest(attemptId, { holdTokens: 0, model: '=cmd()', nowMs: atMs }))
    await ledger.settle(settleRequest(attemptId, { chargeTokens, nowMs: atMs }))
  }
  const edit = (sql: string) => {
    const db = new DatabaseSync(path)
    db.exec(sql)
    db.close()
  }

  test('verify says that a ledger is sound, also while it is written to, and shows the holds', async () => {
    await inLedger(async (ledger) => {
      await spend(ledger, 'a', 90)
      await ledger.reserve(reserveRequest('b'))
      const { exitCode, stdout, stderr } = await command('verify')
      expect([exitCode, stderr]).toEqual([0, ''])
      expect(stdout).toContain(
        'open holds: 1 of 100 tokens, owners: 1\nsound: every counter is the sum of its events\n',
      )
      const report = JSON.parse((await command('verify', '--json')).stdout)
      expect(report).toMatchObject({ path, events: 1, corrections: 0, openHolds: 1, heldTokens: 100, problems: [] })
    })
  })

  test('verify tells everything that is wrong with exit code 1, and rebuild mends it (I6)', async () => {
    await inLedger((ledger) => spend(ledger, 'a', 90))
    edit(`UPDATE counter SET settled_tokens = 7, reserved_tokens = 3; UPDATE usage_hour SET charge_tokens = 8`)
    const found = await command('verify')
    expect(found.exitCode).toBe(1)
    expect(found.stdout).toContain('counter host of claude, total says 7 tokens, its events say 90\n')
    expect(found.stdout).toContain('the hours of host (claude) on 2026-01-15 say 8 tokens, the events say 90\n')
    expect(found.stdout).toContain('counter host of claude, total is held for 3 tokens, reservations hold 0\n')
    expect(await command('rebuild')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('from 1 events\nmended: '),
    })
    expect(await command('verify')).toMatchObject({ exitCode: 0 })
  })

  test('a controller refuses a ledger that does not add up, names rebuild, and starts after it (I6)', async () => {
    await inLedger((ledger) => spend(ledger, 'a', 90))
    edit('UPDATE counter SET settled_tokens = 7')
    const refused = await commandLine(['controller', 'run'], { home })
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('bot-bottle ledger rebuild') })
    expect(await command('rebuild', '--json')).toMatchObject({ exitCode: 0 })
    await inLedger(async (ledger) => expect(await ledger.counter(host)).toMatchObject({ settledTokens: 90 }))
  })

  test('rebuild brings a damaged ledger into a new one and keeps the old one beside (L09)', async () => {
    await inLedger(async (ledger) => {
      for (let index = 0; index < 40; index++) await spend(ledger, `a${index}`, 10, startMs + index)
    })
    const bytes = readFileSync(path)
    // The leaf of the counters, which nothing else needs.
    const db = new DatabaseSync(path, { readOnly: true })
    const page = Number(db.prepare(`SELECT pageno FROM dbstat WHERE name = 'counter'`).get()?.pageno)
    db.close()
    writeFileSync(path, bytes.fill(0xa5, (page - 1) * 4_096, page * 4_096))
    const verified = await command('verify', '--json')
    expect(verified.exitCode).toBe(1)
    expect(JSON.parse(verified.stdout).problems[0]).toMatchObject({ kind: 'damage' })
    const { exitCode, stdout } = await command('rebuild')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/a new ledger with 40 events .*\nlost events: 0, .*\nnot all could be read of: counter\n/)
    const kept = /is kept as (.*)\n$/.exec(stdout)?.[1] ?? ''
    expect(readFileSync(kept).equals(bytes)).toBe(true)
    expect(await command('verify')).toMatchObject({ exitCode: 0 })
    await inLedger(async (ledger) => expect(await ledger.counter(host)).toMatchObject({ settledTokens: 400 }))
  })

  test('rebuild is refused while a controller holds the home, and where there is no ledger', async () => {
    expect(await command('rebuild')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('there is no ledger'),
    })
    await inLedger((ledger) => spend(ledger, 'a', 90))
    using _controller = lockInstance(hostPaths(home).runPath)
    const { exitCode, stderr } = await command('rebuild')
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('a controller is running')])
    expect(stderr).toContain('bot-bottle controller stop')
  })

  test('backup copies a ledger while it is written to, for its owner alone, and overwrites nothing', async () => {
    writeFileSync(join(home, 'copy.db.part'), 'of somebody else')
    await inLedger(async (ledger) => {
      await spend(ledger, 'a', 90)
      let isDone = false
      const writing = (async () => {
        for (let index = 0; !isDone; index++) await spend(ledger, `b${index}`, 1)
      })()
      const backup = await command('backup', 'copy.db')
      isDone = true
      await writing
      expect(backup).toEqual({ exitCode: 0, stdout: 'copy.db\n', stderr: '' })
    })
    expect(statSync(join(home, 'copy.db')).mode & 0o777).toBe(0o600)
    expect(await command('verify', 'copy.db')).toMatchObject({ exitCode: 0 })
    expect(await command('backup', 'copy.db')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is there already'),
    })
    expect(readdirSync(home).filter((file) => file.startsWith('copy.db'))).toEqual(['copy.db', 'copy.db.part'])
    expect(readFileSync(join(home, 'copy.db.part'), 'utf8')).toBe('of somebody else')
  })

  test('a backup that takes the place of a lost ledger is that ledger', async () => {
    await inLedger((ledger) => spend(ledger, 'a', 90))
    await command('backup', 'copy.db')
    await rm(path)
    writeFileSync(path, readFileSync(join(home, 'copy.db')))
    await inLedger(async (ledger) => {
      expect(await ledger.counter(host)).toMatchObject({ settledTokens: 90 })
      expect(await ledger.verify()).toEqual([])
    })
  })

  test('export writes a line for each exchange, and for each hour of those that were rolled up', async () => {
    await inLedger(async (ledger) => {
      for (const [index, hour] of [0, 0, 30].entries())
        await spend(ledger, `a${index}`, 10 + index, startMs + hour * hourMs)
      await ledger.rollUp({ settledBeforeMs: startMs + hourMs, maxEvents: 10 })
    })
    const { stdout } = await command('export')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual([
      {
        ...{ kind: 'hour', hourMs: Date.UTC(2026, 0, 15, 10), bottleId: 'claude-x1y2', agent: 'claude' },
        ...{ provider: 'claude', model: '=cmd()', source: 'authoritative', exchanges: 2, chargeTokens: 21 },
        ...{ inputTokens: 140, outputTokens: 40, reasoningTokens: 0 },
        ...{ cacheWrite5mTokens: 0, cacheWrite1hTokens: 0, cacheReadTokens: 0 },
      },
      {
        ...{ kind: 'exchange', attemptId: 'a2', bottleId: 'claude-x1y2', agent: 'claude', provider: 'claude' },
        ...{ model: '=cmd()', source: 'authoritative', ending: 'complete', exchanges: 1, chargeTokens: 12 },
        ...{
          startedAtMs: startMs + 30 * hourMs,
          settledAtMs: startMs + 30 * hourMs,
          inputTokens: 70,
          outputTokens: 20,
        },
      },
    ])
    const since = await command('export', '--since', '2026-01-16', '--format', 'csv', 'out.csv')
    expect(since).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    const [names, row, ...others] = readFileSync(join(home, 'out.csv'), 'utf8').trimEnd().split('\n')
    expect(names).toMatch(/^kind,hourMs,startedAtMs,.*,chargeTokens$/)
    expect(row).toMatch(/^exchange,,\d+,\d+,,a2,claude-x1y2,claude,claude,'=cmd\(\),authoritative,complete,1,70,.*,12$/)
    expect(others).toEqual([])
    const again = await command('export', 'out.csv')
    expect(again).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('out.csv cannot be written') })
  })
})
