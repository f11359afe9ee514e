/** Enforcements that are killed (-9) at every point of their way are finished by the next controller, once. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createEnforcer } from '../../src/enforce/enforcer.ts'
import type { EnforcementTarget } from '../../src/enforce/steps.ts'
import type { BottleRow, BottleState, Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'

const program = fileURLToPath(new URL('./enforcement-program.ts', import.meta.url))
/** More than any action has: the last runs come to their end. */
const maxPoints = 30

const row: BottleRow = {
  id: 'a-1',
  agent: 'claude',
  definitions: [],
  state: 'running',
  policy: 'cutoff',
  contained: true,
  createdAtMs: 1,
  endedAtMs: null,
  exitCode: null,
  reference: '',
}

test.each([
  ['cutoff', ['close'], { network: false, processes: true, state: 'cut' }],
  ['kill', ['close', 'end'], { network: false, processes: false, state: 'killed' }],
  ['freeze', ['pause', 'close', 'snapshot', 'seal'], { network: false, processes: false, state: 'frozen' }],
  ['restore', ['reopen'], { network: true, processes: true, state: 'running' }],
] as const)(
  'a %s that is killed at any point is finished at the next start, once (E08, I8)',
  {
    timeout: 120_000,
  },
  async (action, steps, expected) => {
    let interrupted = 0
    let isComplete = false
    for (let point = 0; point < maxPoints && !isComplete; point++) {
      const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-enforcement-'))
      onTestFinished(() => rmSync(directory, { recursive: true }))
      const path = join(directory, 'ledger.db')
      const isCutBefore = action === 'restore'
      writeFileSync(join(directory, 'processes'), '')
      if (!isCutBefore) writeFileSync(join(directory, 'network'), '')
      {
        await using ledger = await openSqliteLedger({ path, owner: 'first' })
        await ledger.insertBottle({ ...row, state: isCutBefore ? 'cut' : 'running' })
      }

      const run = spawnSync(process.execPath, [program, directory, action, String(point)], { encoding: 'utf8' })
      expect(run.stderr).toBe('')
      isComplete = run.stdout === 'done'
      expect(run.signal).toBe(isComplete ? null : 'SIGKILL')

      await using ledger = await openSqliteLedger({ path, owner: 'next' })
      const open = await ledger.openEnforcements()
      interrupted += open.length
      for (let start = 0; start < 2; start++) await finishAll(ledger, directory)

      const entries = await ledger.audit({ limit: 100 })
      const found = {
        network: existsSync(join(directory, 'network')),
        processes: existsSync(join(directory, 'processes')),
        state: (await ledger.bottle('a-1'))?.state,
      }
      if (entries.length === 0) {
        // Killed before the intent was durable: nothing was done either.
        const before = { network: !isCutBefore, processes: true, state: isCutBefore ? 'cut' : 'running' }
        expect({ point, ...found }).toEqual({ point, ...before })
        continue
      }
      expect({ point, ...found }).toEqual({ point, ...expected })
      expect(entries.map(({ phase, step }) => step ?? phase)).toEqual(['intent', ...steps, 'done'])
    }
    expect(isComplete).toBe(true)
    // Otherwise no kill hit an open enforcement, and the test has shown nothing.
    expect(interrupted).toBeGreaterThanOrEqual(2 * steps.length)
  },
)

/** As a controller does at its start. */
async function finishAll(ledger: Ledger, directory: string): Promise<void> {
  const enforcer = createEnforcer({ ledger, nowMs: Date.now, newId: () => 'e2', onEntry: () => {} })
  const setState = (state: BottleState) => ledger.updateBottle('a-1', { state })
  const target: EnforcementTarget = {
    id: 'a-1',
    isCut: false,
    isEnded: false,
    refuse: () => {},
    async close() {
      rmSync(join(directory, 'network'), { force: true })
      await setState('cut')
      return { endedExchanges: 0 }
    },
    async reopen() {
      writeFileSync(join(directory, 'network'), '')
      await setState('running')
    },
    timeOut: async () => {},
    async kill() {
      rmSync(join(directory, 'processes'), { force: true })
      await setState('killed')
    },
    pause: async () => writeFileSync(join(directory, 'paused'), ''),
    async snapshot() {
      expect(existsSync(join(directory, 'paused'))).toBe(true)
      writeFileSync(join(directory, 'kept'), '')
      return 'all'
    },
    async seal() {
      expect(existsSync(join(directory, 'kept'))).toBe(true)
      rmSync(join(directory, 'processes'), { force: true })
      await setState('frozen')
    },
  }
  for (const open of await ledger.openEnforcements()) await enforcer.finish(open, target)
}
