import type { CliContext } from './context.ts'
import { holdSignals } from './program.ts'

/**
 * Work that leaves something half done when it just ends: Ctrl-C aborts it, it takes that away, and the command ends with the exit code
 * that a shell has for the signal. undefined then.
 */
export async function interruptible<Result>(
  { exit }: CliContext,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  using signals = holdSignals()
  try {
    return await work(signals.ending)
  } catch (error) {
    if (!signals.ending.aborted) throw error
    exit(Number(signals.ending.reason))
    return undefined
  }
}
