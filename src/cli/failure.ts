/** How a failed command ends: what it says on stderr, and its exit code (1 failed, 2 usage, 3 refused by policy). */
import { CommanderError } from 'commander'
import { BottleError, messageOf } from '../core/errors.ts'
import { inert } from './inert.ts'

export interface Failure {
  readonly lines: readonly string[]
  readonly exitCode: number
}

export function failureOf(error: unknown, { isDebugging }: { readonly isDebugging: boolean }): Failure {
  if (error instanceof CommanderError) return failureOfCommander(error)
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
  return code === 'usage' || code === 'settings_invalid' ? 2 : 1
}

/** Help and version end with such an error too, with exit code 0 and everything said. */
function failureOfCommander({ code, exitCode, message }: CommanderError): Failure {
  if (exitCode === 0) return { lines: [], exitCode }
  if (code === 'commander.help') return { lines: [], exitCode: 2 }
  const [first = '', suggestion] = message.replace(/^error: /, '').split('\n')
  const meant = /^\(Did you mean (.*)\?\)$/.exec(suggestion ?? '')?.[1]
  const hint = code === 'commander.unknownOption' && meant === undefined ? dashesHint(first) : undefined
  const advice = meant === undefined ? hint : `Did you mean ${meant}?`
  const lines = [`bot-bottle: ${inert(first)}`]
  return { lines: advice === undefined ? lines : [...lines, `  hint: ${advice}`], exitCode: 2 }
}

function dashesHint(message: string): string {
  const option = /'(-[^']*)'/.exec(message)?.[1] ?? ''
  return `See --help. What the program in the bottle shall get goes behind --, e.g. -- ${inert(option)}`
}
