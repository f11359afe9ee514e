import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { host, reserveRequest, settleRequest } from '../ledger.contract.ts'
import { rebuildLedgerFile } from './rebuild-file.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

const frameBytes = 24 + 4_096

describe('a ledger whose process was killed, so that its last commits are in the write-ahead log', () => {
  let directory: string
  let path: string

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bot-bottle-wal-'))
    path = join(directory, 'killed.db')
    const living = join(directory, 'ledger.db')
    await using ledger = await openSqliteLedger({ path: living, owner: 'here' })
    for (let index = 0; index < 12; index++) {
      await ledger.reserve(reserveRequest(`a${index}`, { governing: [] }))
      await ledger.settle(settleRequest(`a${index}`, { chargeTokens: 10 }))
    }
    for (const suffix of ['', '-wal']) copyFileSync(`${living}${suffix}`, `${path}${suffix}`)
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const settledTokens = async () => {
    await using ledger = await openSqliteLedger({ path, owner: 'next' })
    expect(await ledger.verify()).toEqual([])
    return (await ledger.counter(host)).settledTokens
  }
  const edit = (change: (log: Buffer) => Buffer) => writeFileSync(`${path}-wal`, change(readFileSync(`${path}-wal`)))

  it('has all of them when it is opened again', async () => {
    expect(await settledTokens()).toBe(120)
  })

  it.each([
    ['in the middle of its last frame', (log: Buffer) => log.subarray(0, log.length - 1_000), 110],
    ['with a last frame of which nothing came', (log: Buffer) => log.fill(0, log.length - frameBytes), 110],
    ['before its header', (log: Buffer) => log.subarray(0, 0), 0],
  ])('is opened where the log ends %s, as a crash leaves it', async (_where, change, tokens) => {
    edit(change)
    expect(await settledTokens()).toBe(tokens)
  })

  it.each([
    [
      'a page in the middle',
      (log: Buffer) => log.fill(0x5a, 32 + 20 * frameBytes + 100, 32 + 20 * frameBytes + 110),
      'frame 21 ',
    ],
    ['the first frame', (log: Buffer) => log.fill(0x5a, 32 + 30, 32 + 31), 'frame 1 '],
    ['the header', (log: Buffer) => log.fill(0x5a, 8, 24), 'the header of its write-ahead log'],
    ['everything', (log: Buffer) => log.fill(0x5a), 'no header'],
  ])(
    'is refused where %s of the log is broken: commits behind it would be forgotten (L09)',
    async (_what, change, said) => {
      edit(change)
      const damaged = readFileSync(`${path}-wal`)
      const refusal = await openSqliteLedger({ path, owner: 'next' }).catch((error: unknown) => error)
      expect(refusal).toMatchObject({
        code: 'ledger_unusable',
        message: expect.stringContaining(said),
        hint: expect.stringContaining('ledger rebuild'),
      })
      expect(readFileSync(`${path}-wal`).equals(damaged)).toBe(true)
      const report = rebuildLedgerFile(path, 0)
      expect(report).toMatchObject({ kind: 'salvaged' })
      expect(await settledTokens()).toBeLessThan(120)
      const keptAs = report.kind === 'salvaged' ? report.keptAs : ''
      expect(readFileSync(`${keptAs}-wal`).equals(damaged)).toBe(true)
    },
  )
})
