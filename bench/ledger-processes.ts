/**
 * Sixteen processes write one ledger file for a minute. The product has one writer (a thread of the controller); this is what
 * happens to those who open its file besides. `node bench/ledger-processes.ts [seconds] [processes]`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { hammerLedger } from '../test/fakes/hammered-ledger.ts'

const seconds = Number(process.argv[2] ?? 60)
const processes = Number(process.argv[3] ?? 16)

const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-bench-ledger-'))
try {
  const found = await hammerLedger(join(directory, 'ledger.db'), { processes, durationMs: seconds * 1_000 })
  const lostTokens = found.chargedTokens - found.counter.settledTokens
  console.log(`exchanges in ${seconds} s by ${processes} processes   ${found.exchanges}`)
  console.log(`lost updates, tokens                 ${lostTokens}   (goal 0)`)
  console.log(`errors                               ${found.errors.length} ${found.errors[0] ?? ''}   (goal 0)`)
  console.log(`holds leaked, tokens                 ${found.counter.reservedTokens}   (goal 0)`)
  console.log(`counters against events              ${found.mismatches.length} mismatches   (goal 0)`)
  console.log(`longest wait of one call             ${found.longestWaitMs.toFixed(0)} ms`)
  console.log(
    `load average                         ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  )
} finally {
  await rm(directory, { recursive: true, force: true })
}
