/**
 * One of the hosts that share a budget, for tests that need real processes: `node shared-ledger-program.ts PATH URL OWNER
 * LIMIT`. Charges what a dead owner held, waits for a line on its stdin, then spends the budget of `host` in lanes, in holds of up to 40 tokens and charges of up to
 * as much, until the budget is spent. Every line tells of something that the ledger has acknowledged:
 * `recovered CHARGE`, `ready`, `settled ID CHARGE`, `pending`, `unusable` (each once in a row), `exhausted` as the last one.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { BottleError } from '../../src/core/errors.ts'
import { openPostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts'

const [path = '', url = '', owner = '', limit = '0'] = process.argv.slice(2)
const lanes = 4
const maxHoldTokens = 40
const host = { scope: 'host', provider: 'claude', period: 'total' } as const

let lastLine = ''
/** Written before the next statement runs, so that a kill cannot lose what was acknowledged. */
function print(line: string): void {
  if (line === lastLine) return
  lastLine = line
  writeSync(1, `${line}\n`)
}

let isOver = false
let changed = Promise.withResolvers<void>()
const ledger = await openPostgresLedger({
  ...{ path, url, owner },
  onChange() {
    changed.resolve()
    changed = Promise.withResolvers()
  },
})
for (const { chargeTokens } of await ledger.recover(Date.now())) print(`recovered ${chargeTokens}`)
await ledger.setLimit(host, Number(limit))
print('ready')
await once(process.stdin, 'data')

let count = 0
async function spendOnce(): Promise<'spent' | 'pending' | 'exhausted'> {
  const attemptId = `${owner}-${++count}`
  // Where little is left, little is asked for: in the end all of it is spent.
  for (const holdTokens of [1 + Math.floor(Math.random() * maxHoldTokens), 1]) {
    const common = { attemptId, nowMs: Date.now(), model: null }
    const outcome = await ledger.reserve({
      ...common,
      ...{ bottleId: owner, agent: 'claude', provider: 'claude', holdTokens, holdsRoom: true, inputTokens: holdTokens },
      ...{ governing: [host], chain: [`run:${owner}`, 'host'] },
    })
    if (outcome.kind === 'denied') {
      if (holdTokens > 1) continue
      return outcome.reason
    }
    const chargeTokens = Math.ceil(Math.random() * holdTokens)
    await ledger.settle({ ...common, usage: {}, chargeTokens, source: 'authoritative', ending: 'complete' })
    print(`settled ${attemptId} ${chargeTokens}`)
    return 'spent'
  }
  return 'pending'
}

async function lane(): Promise<void> {
  while (!isOver) {
    try {
      const outcome = await spendOnce()
      if (outcome === 'exhausted') {
        isOver = true
      } else if (outcome === 'pending') {
        print('pending')
        await Promise.race([changed.promise, pause()])
      }
    } catch (error) {
      if (!(error instanceof BottleError) || error.code !== 'ledger_unusable') throw error
      print('unusable')
      await pause()
    }
  }
}

function pause(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, 20)
  return promise
}

await Promise.all(Array.from({ length: lanes }, lane))
await ledger[Symbol.asyncDispose]()
print('exhausted')
process.exit(0)
