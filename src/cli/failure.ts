/** How a failed command ends: what it says on stderr, and its exit code (1 failed, 2 usage, 3 refused by policy). */
import { CommanderError } from 'commander'
import { BottleError, messageOf } from '../core/errors.ts'
import { inert } from './inert.ts'

export interface Failure {
  readonly lines: readonly string[]
  readonly exitCode: number
}

export function failureOf(error: unknown, { isDebugging }: { readonly isDebugging: boolean }): Failure {
  // Help and version end with such an error too, with everything said; help that nobody asked for is wrong usage.
  if (error instanceof CommanderError) return { lines: [], exitCode: error.exitCode === 0 ? 0 : 2 }
  if (error instanceof BottleError) return { lines: linesOf(error), exitCode: exitCodeOf(error.code) }
  const stack = error instanceof Error && isDebugging ? (error.stack ?? '').split('\n').map(inert) : []
  const hint = isDebugging ? 'Please report it.' : 'This is a bug. BOT_BOTTLE_DEBUG=1 shows where; please report it.'
  return { lines: [`bot-bottle: ${inert(messageOf(error))}`, ...stack, `  hint: ${hint}`], exitCode: 1 }
}

function linesOf({ message, hint }: BottleError): readonly string[] {
  const lines = message.split('\n').map((line) => `bot-bottle: ${inert(line)}`)
  return hint === undefined ? lines : [...lines, `  hint: ${inert(hint)}`]
}

function exitCodeOf(code: BottleError['code']): number {
  if (code === 'refused') return 3
  return code === 'usage' || code === 'settings_invalid' || code === 'manifest_invalid' ? 2 : 1
}
