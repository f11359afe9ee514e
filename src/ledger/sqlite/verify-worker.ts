/**
 * The thread of a full verification: it reads every event from a snapshot of its own, for seconds where they are many, and
 * nobody waits for it but who asked.
 */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { chainSumStatements } from './chain-sums.ts'
import { chainStatements } from './chains.ts'
import { counterStatements } from './counters.ts'
import { openForReading } from './open-database.ts'
import { failureOf, type Verified } from './protocol.ts'
import { ledgerErrorOf } from './sqlite-errors.ts'
import { counterMismatches } from './verify.ts'

/** On Linux that of this thread alone. */
const niceness = 10

function verify(path: string): Verified {
  try {
    using db = openForReading(path)
    db.exec('BEGIN')
    const sums = chainSumStatements(db).ofEvents()
    const mismatches = counterMismatches(counterStatements(db).list(), sums, chainStatements(db).all())
    db.exec('ROLLBACK')
    return { kind: 'verified', mismatches }
  } catch (error) {
    return { kind: 'failed', failure: failureOf(ledgerErrorOf(error, path)) }
  }
}

if (process.platform === 'linux') setPriority(0, niceness)
parentPort?.postMessage(verify((workerData as { readonly path: string }).path))
