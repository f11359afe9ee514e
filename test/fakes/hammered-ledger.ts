/** Processes that use one ledger file at the same time, each as hard as it can, and what the file says afterwards. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Counter } from '../../src/core/budget/scope.ts'
import type { CounterMismatch } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts'
import type { Hammered } from '../integration/ledger-program.ts'

const program = fileURLToPath(new URL('../integration/ledger-program.ts', import.meta.url))
const host = { scope: 'host', provider: 'claude', period: 'total' } as const

export interface HammeredLedger {
  readonly exchanges: number
  /** What the processes were told is charged. */
  readonly chargedTokens: number
  readonly errors: readonly string[]
  readonly longestWaitMs: number
  /** What the file says of it. */
  readonly counter: Counter
  readonly mismatches: readonly CounterMismatch[]
}

export async function hammerLedger(
  path: string,
  { processes, durationMs }: { readonly processes: number; readonly durationMs: number },
): Promise<HammeredLedger> {
  await using ledger = await openSqliteLedger({ path, owner: 'here' })
  await ledger.setLimit(host, Number.MAX_SAFE_INTEGER)
  const children = Array.from({ length: processes }, (_, index) =>
    spawn(process.execPath, [program, 'hammer', path, `owner-${index}`, String(durationMs)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  const outputs = children.map(({ stdout }) => text(stdout))
  await Promise.all(children.map(({ stdout }) => once(stdout, 'readable')))
  for (const { stdin } of children) stdin.end()
  const hammered = (await Promise.all(outputs)).map((output) => JSON.parse(output.split('\n')[1] ?? '') as Hammered)
  const sum = (of: (one: Hammered) => number) => hammered.reduce((total, one) => total + of(one), 0)
  return {
    exchanges: sum(({ exchanges }) => exchanges),
    chargedTokens: sum(({ chargedTokens }) => chargedTokens),
    errors: hammered.flatMap(({ errors }) => errors),
    longestWaitMs: Math.max(...hammered.map(({ longestWaitMs }) => longestWaitMs)),
    counter: await ledger.counter(host),
    mismatches: await ledger.verify(),
  }
}
