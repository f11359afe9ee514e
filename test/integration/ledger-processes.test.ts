import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import { hammerLedger } from '../fakes/hammered-ledger.ts'

const program = fileURLToPath(new URL('./ledger-program.ts', import.meta.url))
const host = { scope: 'host', provider: 'claude', period: 'total' } as const
const nobody = 65_534

describe('the ledger file and real processes', () => {
  let directory: string
  let path: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
    path = join(directory, 'ledger.db')
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const start = (args: readonly string[], options: SpawnOptions = {}) =>
    spawn(process.execPath, [program, ...args], { ...options, stdio: ['pipe', 'pipe', 'pipe'] })

  const finish = async (child: ChildProcess) => {
    if (child.stdout === null || child.stderr === null) throw new Error('expected pipes')
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { stdout, stderr, exitCode: Number(exitCode) }
  }

  it('admits exactly what has room from 16 processes that create, open and use one file at once (L01)', async () => {
    const room = 300
    const children = Array.from({ length: 16 }, (_, index) => start(['race', path, `owner-${index}`, '40']))
    const results = children.map(finish)
    await Promise.all(children.map((child) => child.stdout && once(child.stdout, 'readable')))
    await using ledger = await openSqliteLedger({ path, owner: 'here' })
    await ledger.setLimit(host, room)
    for (const child of children) child.stdin?.end()

    const admitted: number[] = []
    for (const { stdout, stderr, exitCode } of await Promise.all(results)) {
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
      admitted.push(Number(stdout.split('\n')[1]))
    }
    expect(admitted.reduce((sum, count) => sum + count, 0)).toBe(room)
    expect(await ledger.counters({ scope: 'host' })).toEqual([
      { ...host, limitTokens: room, settledTokens: room, reservedTokens: 0 },
    ])
    expect(await ledger.verify()).toEqual([])
  })

  it('loses no update and fails no call while 16 processes write one file for three seconds (L01, I6)', async () => {
    const { exchanges, chargedTokens, errors, counter, mismatches } = await hammerLedger(path, {
      processes: 16,
      durationMs: 3_000,
    })
    expect({ errors, mismatches }).toEqual({ errors: [], mismatches: [] })
    expect(counter).toMatchObject({ settledTokens: chargedTokens, reservedTokens: 0 })
    expect(exchanges).toBeGreaterThan(16 * 4)
  })

  it('keeps a process alive until its calls are answered, then lets it end, and prints nothing of its own', async () => {
    expect(await finish(start(['undisposed', path, 'child']))).toEqual({
      stdout: 'reserved\n',
      stderr: '',
      exitCode: 0,
    })
    await using ledger = await openSqliteLedger({ path, owner: 'here' })
    expect(await ledger.recover(0)).toMatchObject([{ attemptId: 'a', chargeTokens: 1 }])
  })

  it('is refused in a directory where the user may not write, and when the file belongs to someone else', async () => {
    const isRoot = process.getuid?.() === 0
    const ordinary: SpawnOptions = isRoot ? { uid: nobody, gid: nobody } : {}
    const mine = (file: string) => isRoot && chownSync(file, nobody, nobody)
    chmodSync(directory, 0o755)
    const locked = join(directory, 'locked')
    mkdirSync(locked, { mode: 0o500 })
    mine(locked)
    const inLocked = await finish(start(['open', join(locked, 'ledger.db'), 'child'], ordinary))
    expect(inLocked.stdout).toMatch(/^ledger_unusable: the ledger ".*" is not writable for this user .*\| Give .*\.\n$/)

    await using ledger = await openSqliteLedger({ path, owner: 'here' })
    await ledger.setLimit(host, 5)
    chmodSync(path, 0o400)
    mine(path)
    const readOnly = await finish(start(['open', path, 'child'], ordinary))
    expect(readOnly.stdout).toMatch(/^ledger_unusable: the ledger ".*" is not writable for this user/)
    expect([inLocked.exitCode, readOnly.exitCode]).toEqual([0, 0])
  })
})
