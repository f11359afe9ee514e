/**
 * A process that uses the ledger, for tests that need real processes: `node ledger-program.ts MODE PATH OWNER [N]`.
 * Every line that it prints tells of something that the ledger has acknowledged.
 *
 * - `open`: opens and closes; prints `ok`, or the error's code, message and hint
 * - `race`: prints `ready`, waits for its stdin to end, then tries N reservations of 1 token and settles what it got;
 *   prints the number
 * - `load`: reserves and settles in N lanes until it is killed; prints `reserved ID` and `settled ID CHARGE`
 * - `hammer`: waits for its stdin to end, then reserves, extends and settles in 4 lanes for N ms; prints `Hammered` as JSON
 * - `undisposed`: starts one reservation, waits for nothing and closes nothing; prints `reserved` when it is answered
 */
import { writeSync } from 'node:fs'
import { periodKey } from '../../src/core/budget/period.ts'
import { BottleError } from '../../src/core/errors.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'

const [mode, path = '', owner = '', count = '1'] = process.argv.slice(2)
const host = { scope: 'host', provider: 'claude', period: 'total' }
const chain = [`run:${owner}`, 'host']

const hammerLanes = 4

const pause = new Int32Array(new SharedArrayBuffer(4))

/** Written before the next statement runs, so that a kill cannot lose what was acknowledged. */
function print(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      // The pipe is full: whoever reads it is to have a turn.
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}

const reservation = (attemptId: string, holdTokens: number) => ({
  attemptId,
  bottleId: owner,
  agent: 'claude',
  provider: 'claude',
  model: null,
  holdTokens,
  holdsRoom: true,
  inputTokens: holdTokens,
  governing: [host],
  chain,
  nowMs: Date.now(),
})
const settlement = (attemptId: string, chargeTokens: number) => ({
  attemptId,
  usage: { inputTokens: chargeTokens },
  chargeTokens,
  source: 'authoritative' as const,
  model: null,
  ending: 'complete',
  nowMs: Date.now(),
})

async function tryToOpen(): Promise<void> {
  try {
    await using _ledger = await openSqliteLedger({ path, owner })
    print('ok')
  } catch (error) {
    if (!(error instanceof BottleError)) throw error
    print(`${error.code}: ${error.message} | ${error.hint}`)
  }
}

async function race(): Promise<void> {
  await using ledger = await openSqliteLedger({ path, owner })
  print('ready')
  for await (const _chunk of process.stdin);
  const attempts = Array.from({ length: Number(count) }, async (_, index) => {
    const attemptId = `${owner}-${index}`
    const { kind } = await ledger.reserve(reservation(attemptId, 1))
    if (kind === 'reserved') await ledger.settle(settlement(attemptId, 1))
    return kind
  })
  print(String((await Promise.all(attempts)).filter((kind) => kind === 'reserved').length))
}

async function load(): Promise<void> {
  const ledger = await openSqliteLedger({ path, owner })
  let next = 0
  const lane = async (): Promise<never> => {
    for (;;) {
      const number = next++
      const attemptId = `${owner}-${number}`
      const request = reservation(attemptId, 10 + (number % 7))
      const today = { ...host, period: periodKey('day', { atMs: request.nowMs, run: '' }) }
      await ledger.reserve({ ...request, governing: [host, today] })
      print(`reserved ${attemptId}`)
      if (number % 3 === 0) await ledger.extend(attemptId, 20)
      const chargeTokens = number % 11
      await ledger.settle(settlement(attemptId, chargeTokens))
      print(`settled ${attemptId} ${chargeTokens}`)
    }
  }
  await Promise.all(Array.from({ length: Number(count) }, lane))
}

export interface Hammered {
  readonly exchanges: number
  readonly chargedTokens: number
  readonly errors: readonly string[]
  /** Of one call. */
  readonly longestWaitMs: number
}

async function hammer(): Promise<void> {
  await using ledger = await openSqliteLedger({ path, owner })
  print('ready')
  for await (const _chunk of process.stdin);
  const endMs = performance.now() + Number(count)
  const errors: string[] = []
  let exchanges = 0
  let chargedTokens = 0
  let longestWaitMs = 0
  const timed = async <Answer>(call: Promise<Answer>): Promise<Answer> => {
    const startMs = performance.now()
    try {
      return await call
    } finally {
      longestWaitMs = Math.max(longestWaitMs, performance.now() - startMs)
    }
  }
  const lane = async () => {
    while (performance.now() < endMs && errors.length === 0) {
      const number = exchanges++
      const attemptId = `${owner}-${number}`
      const chargeTokens = 1 + (number % 7)
      try {
        const { kind } = await timed(ledger.reserve(reservation(attemptId, 10)))
        if (kind !== 'reserved') throw new Error(`the reservation was ${kind}`)
        if (number % 3 === 0) await timed(ledger.extend(attemptId, 20))
        await timed(ledger.settle(settlement(attemptId, chargeTokens)))
        chargedTokens += chargeTokens
      } catch (error) {
        errors.push(String(error))
      }
    }
  }
  await Promise.all(Array.from({ length: hammerLanes }, lane))
  print(JSON.stringify({ exchanges, chargedTokens, errors, longestWaitMs } satisfies Hammered))
}

async function leaveUndisposed(): Promise<void> {
  const ledger = await openSqliteLedger({ path, owner })
  void ledger.reserve(reservation('a', 1)).then(({ kind }) => print(kind))
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  open: tryToOpen,
  race,
  load,
  hammer,
  undisposed: leaveUndisposed,
}
const run = modes[mode ?? '']
if (run === undefined) throw new Error(`unknown mode ${mode}`)
await run()
