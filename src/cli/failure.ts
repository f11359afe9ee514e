/** How a failed command ends: what it says on stderr, and its exit code (1 failed, 2 usage, 3 refused by policy). */
import { CommanderError } from 'commander'
import { BottleError, messageOf } from '../core/errors.ts'
import { inert } from './inert.ts'

export interface Failure {
  readonly lines: readonly string[]
  readonly exitCode: number
}

export interface FailureOptions {
  readonly isDebugging: boolean
  /** The command passes arguments on, which people forget to put behind `--`. */
  readonly takesProgram: boolean
}

export function failureOf(error: unknown, { isDebugging, takesProgram }: FailureOptions): Failure {
  if (error instanceof CommanderError) return failureOfCommander(error, takesProgram)
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

/** Help and version end with such an error too, with everything said. */
function failureOfCommander({ code, exitCode, message }: CommanderError, takesProgram: boolean): Failure {
  if (exitCode === 0) return { lines: [], exitCode }
  if (code === 'commander.help') return { lines: [], exitCode: 2 }
  const [first = '', suggestion] = message.replace(/^error: /, '').split('\n')
  const meant = /^\(Did you mean (.*)\?\)$/.exec(suggestion ?? '')?.[1]
  const isForProgram = takesProgram && code === 'commander.unknownOption'
  const hints = [
    ...(meant === undefined ? [] : [`Did you mean ${meant}?`]),
    ...(isForProgram && meant === undefined ? ['What the program in the bottle is to get goes behind --.'] : []),
  ]
  return { lines: [`bot-bottle: ${inert(first)}`, ...hints.map((hint) => `  hint: ${inert(hint)}`)], exitCode: 2 }
}
