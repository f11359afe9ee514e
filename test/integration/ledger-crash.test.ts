import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'

const program = fileURLToPath(new URL('./ledger-program.ts', import.meta.url))
const kills = 20
/** Deterministic, and spread over start-up, the middle of groups and checkpoints. */
const linesBeforeKill = (kill: number) => 1 + ((kill * 617) % 4_001)

interface Acknowledged {
  readonly reserved: ReadonlySet<string>
  readonly charges: ReadonlyMap<string, number>
}

async function loadUntilKilled(path: string, owner: string, lineCount: number): Promise<Acknowledged> {
  const child = spawn(process.execPath, [program, 'load', path, owner, '16'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const reserved = new Set<string>()
  const charges = new Map<string, number>()
  let seen = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /^(reserved|settled) (\S+-\d+)(?: (\d+))?$/.exec(line)
    if (match?.[1] === 'reserved') reserved.add(match[2] ?? '')
    if (match?.[1] === 'settled' && match[3] !== undefined) charges.set(match[2] ?? '', Number(match[3]))
    if (++seen === lineCount) child.kill('SIGKILL')
  }
  const [, signal] = await closed
  expect(signal).toBe('SIGKILL')
  return { reserved, charges }
}

it(`loses nothing acknowledged and leaks no hold over ${kills} kills -9 under load (L06)`, {
  timeout: 180_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-ledger-'))
  const path = join(directory, 'ledger.db')
  let recoveredCount = 0
  try {
    for (let kill = 0; kill < kills; kill++) {
      const owner = `killed-${kill}`
      const { reserved, charges } = await loadUntilKilled(path, owner, linesBeforeKill(kill))
      await using ledger = await openSqliteLedger({ path, owner: 'survivor' })
      const recovered = await ledger.recover(Date.now())
      recoveredCount += recovered.length
      const events = await ledger.events({ bottleId: owner, limit: 100_000 })
      const eventOf = new Map(events.map((event) => [event.attemptId, event]))

      expect(eventOf.size).toBe(events.length)
      for (const attemptId of reserved) expect(eventOf.has(attemptId)).toBe(true)
      for (const [attemptId, chargeTokens] of charges) {
        expect(eventOf.get(attemptId)).toMatchObject({ chargeTokens, source: 'authoritative' })
      }
      for (const { attemptId, chargeTokens } of recovered) {
        expect(eventOf.get(attemptId)).toMatchObject({ chargeTokens, source: 'estimated', ending: 'controller_gone' })
      }
      expect((await ledger.counters()).filter(({ reservedTokens }) => reservedTokens !== 0)).toEqual([])
      expect(await ledger.verify()).toEqual([])
      const periods = (await ledger.counters({ scope: 'host' })).map(({ period }) => period.split(':')[0])
      expect(new Set(periods)).toEqual(new Set(['day', 'total']))
    }
    // Otherwise no kill hit an exchange in flight, and the test has shown nothing.
    expect(recoveredCount).toBeGreaterThan(kills)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
