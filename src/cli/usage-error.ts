/** What is wrong with a command line, in one sentence, and in the hint what would be right. */
import type { Command, CommanderError } from 'commander'
import { didYouMean } from '../core/did-you-mean.ts'
import { BottleError } from '../core/errors.ts'

/** Of what the parser found on the line of that command. */
export function usageError({ code, message }: CommanderError, command: Command): BottleError {
  const [first = '', suggestion = ''] = message.replace(/^error: /, '').split('\n')
  const meant = /^\(Did you mean (.*)\?\)$/.exec(suggestion)?.[1]
  if (meant !== undefined) return usage(first, `Did you mean ${meant}?`)
  switch (code) {
    case 'commander.unknownOption':
      return usage(first, isForProgram(command) ? behindDashes : `${nameOf(command)} --help lists its options.`)
    case 'commander.unknownCommand':
      return usage(first, `${nameOf(command)} --help lists its commands.`)
    case 'commander.excessArguments':
      return usage(first.replace(/\. Expected .*$/, ''), rightUsage(command))
    case 'commander.invalidArgument':
      return invalidValue(first)
    case 'commander.conflictingOption':
      return usage(first, 'Give one of them.')
    default:
      return usage(first, rightUsage(command))
  }
}

/**
 * Throws BottleError `usage` for an empty word: nothing that a command takes is empty, and as a path it would be the directory that
 * the command was given in. What a program in a bottle is given is its own matter.
 */
export function refuseEmptyWords(command: Command): void {
  const options: Readonly<Record<string, unknown>> = command.opts()
  const flag = command.options.find((option) => isEmpty(options[option.attributeName()]))?.long
  const argument = command.args.indexOf('')
  const named = command.registeredArguments[argument] ?? command.registeredArguments.at(-1)
  const isOurs = argument !== -1 && named !== undefined && named.name() !== programWords
  const empty = flag ?? (isOurs ? `<${named.name()}>` : undefined)
  if (empty !== undefined) throw usage(`the value of ${empty} is empty`, rightUsage(command))
}

const programWords = 'args'
const behindDashes = 'What the program in the bottle is to get goes behind --.'

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.includes(''))
}

/** Whether people forget the `--` in front of what they pass on. */
function isForProgram({ registeredArguments }: Command): boolean {
  return registeredArguments.some((argument) => argument.name() === programWords)
}

function invalidValue(message: string): BottleError {
  const ofOption = /^option '(?:-\w, )?(--[\w-]+).*?' argument '(.*)' is invalid\. (.*)$/s.exec(message)
  const ofArgument = /^command-argument value '(.*)' is invalid for argument '(.*?)'\. (.*)$/s.exec(message)
  const [name = '', value = '', why = ''] = ofOption
    ? [ofOption[1], ofOption[2], ofOption[3]]
    : [`<${ofArgument?.[2]}>`, ofArgument?.[1], ofArgument?.[3]]
  const choices = /^Allowed choices are (.*)\.$/.exec(why)?.[1]?.split(', ') ?? []
  const meant = didYouMean(value, choices)
  const hint = `${why.charAt(0).toUpperCase()}${why.slice(1)}`
  return usage(`"${value}" is no value for ${name}`, meant === undefined ? hint : `Did you mean ${meant}? ${hint}`)
}

function rightUsage(command: Command): string {
  return `Write: ${command.createHelp().commandUsage(command)}`
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
}

function usage(message: string, hint: string): BottleError {
  return new BottleError('usage', message, { hint })
}
