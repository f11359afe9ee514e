/**
 * A process that enforces on a bottle whose network and processes are two files, for tests that kill it:
 * `node enforcement-program.ts DIRECTORY ACTION POINT`. Kills itself (-9) when it comes to POINT: each write to the ledger and each
 * deed is one before it and one after it, counted from 0. Prints `done` when it comes to the end before.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cut, createEnforcer } from '../../src/enforce/enforcer.ts'
import type { EnforcementTarget } from '../../src/enforce/steps.ts'
import type { CutPolicy } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'

const [directory = '', action, point] = process.argv.slice(2)
const ledger = await openSqliteLedger({ path: join(directory, 'ledger.db'), owner: 'killed' })
let points = 0

async function at<Result>(work: () => Promise<Result>): Promise<Result> {
  killAtPoint()
  const result = await work()
  killAtPoint()
  return result
}

function killAtPoint(): void {
  if (points++ === Number(point)) process.kill(process.pid, 'SIGKILL')
}

const enforcer = createEnforcer({
  ledger: {
    beginEnforcement: (intent) => at(() => ledger.beginEnforcement(intent)),
    recordStep: (step) => at(() => ledger.recordStep(step)),
    endEnforcement: (outcome) => at(() => ledger.endEnforcement(outcome)),
  },
  nowMs: Date.now,
  newId: () => 'e1',
  onEntry: () => {},
})

const target: EnforcementTarget = {
  id: 'a-1',
  isCut: action === 'restore',
  isEnded: false,
  refuse: () => {},
  close: () =>
    at(async () => {
      rmSync(join(directory, 'network'))
      await ledger.updateBottle('a-1', { state: 'cut' })
      return { endedExchanges: 3 }
    }),
  reopen: () =>
    at(async () => {
      writeFileSync(join(directory, 'network'), '')
      await ledger.updateBottle('a-1', { state: 'running' })
    }),
  pause: () => at(async () => writeFileSync(join(directory, 'paused'), '')),
  snapshot: () =>
    at(async () => {
      writeFileSync(join(directory, 'kept'), '')
      return 'all'
    }),
  seal: () =>
    at(async () => {
      rmSync(join(directory, 'processes'))
      await ledger.updateBottle('a-1', { state: 'frozen' })
    }),
  timeOut: async () => {},
  kill: () =>
    at(async () => {
      rmSync(join(directory, 'processes'))
      await ledger.updateBottle('a-1', { state: 'killed', endedAtMs: Date.now() })
    }),
}

const cut: Omit<Cut, 'policy'> = { trigger: 'budget', reason: 'spent', message: 'bot-bottle: spent' }
if (action === 'restore') await enforcer.restore(target, 'asked for')
else await enforcer.cut(target, { ...cut, policy: action as CutPolicy })
await ledger[Symbol.asyncDispose]()
process.stdout.write('done')
