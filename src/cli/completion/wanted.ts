/**
 * What can stand at the cursor of a command line, told from the commands themselves: what a command takes is written down once.
 * Words before the cursor are taken as the parser of the commands takes them; what it would refuse just leads to fewer proposals.
 */
import type { Argument, Command, Option } from 'commander'
import { type ValueKind, valueKindOf } from './value-kinds.ts'

export interface Proposal {
  readonly value: string
  /** May be empty. */
  readonly description: string
}

export interface Wanted {
  /** From the commands. */
  readonly proposals: readonly Proposal[]
  /** Also what is known of these only where they live; each is to be written behind the prefix. */
  readonly values: ValueKind | undefined
  readonly prefix: string
}

/** `words`: those of the line behind the program's name up to the cursor, the last of them unfinished and maybe empty. */
export function wantedAt(program: Command, words: readonly string[]): Wanted {
  const before = words.slice(0, -1)
  const current = words.at(-1) ?? ''
  const { command, operands, valueFor, isBehindOptions } = placeAfter(program, before)
  if (valueFor) return valueWanted(command, valueFor, '')
  if (!isBehindOptions && current.startsWith('-')) {
    const [flag = '', value] = splitFlag(current)
    const option = value === undefined ? undefined : optionOf(command, flag)
    return option ? valueWanted(command, option, `${flag}=`) : only(optionProposals(command))
  }
  const argument = command.registeredArguments[operands] ?? lastIfVariadic(command)
  const subcommands = operands === 0 && !isBehindOptions ? commandProposals(command) : []
  if (!argument) return only(subcommands)
  const choices = choicesOf(argument)
  return { proposals: [...subcommands, ...choices], values: kindUnless(choices, command, argument.name()), prefix: '' }
}

interface Place {
  readonly command: Command
  /** How many were given. */
  readonly operands: number
  /** The option whose value comes next. */
  readonly valueFor: Option | undefined
  readonly isBehindOptions: boolean
}

function placeAfter(program: Command, words: readonly string[]): Place {
  let place: Place = { command: program, operands: 0, valueFor: undefined, isBehindOptions: false }
  for (const word of words) place = placeBehind(place, word)
  return place
}

function placeBehind(place: Place, word: string): Place {
  const { command, operands, valueFor, isBehindOptions } = place
  if (valueFor) return { ...place, valueFor: undefined }
  if (!isBehindOptions && word === '--') return { ...place, isBehindOptions: true }
  if (!isBehindOptions && word.startsWith('-')) {
    const [flag = '', value] = splitFlag(word)
    const option = value === undefined ? optionOf(command, flag) : undefined
    return { ...place, valueFor: option?.required ? option : undefined }
  }
  const subcommand =
    operands === 0 && !isBehindOptions ? command.commands.find((one) => one.name() === word) : undefined
  if (subcommand) return { command: subcommand, operands: 0, valueFor: undefined, isBehindOptions: false }
  // The first operand of `run` is a program, and what follows is the program's.
  return { ...place, operands: operands + 1, isBehindOptions: isBehindOptions || command.name() === 'run' }
}

function splitFlag(word: string): readonly [flag: string, value?: string] {
  const equals = word.indexOf('=')
  return word.startsWith('--') && equals !== -1 ? [word.slice(0, equals), word.slice(equals + 1)] : [word]
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag)
}

function lastIfVariadic({ registeredArguments }: Command): Argument | undefined {
  const last = registeredArguments.at(-1)
  return last?.variadic ? last : undefined
}

function valueWanted(command: Command, option: Option, prefix: string): Wanted {
  const choices = choicesOf(option).map(({ value }) => ({ value: `${prefix}${value}`, description: '' }))
  const placeholder = /<(.+)>$/.exec(option.flags)?.[1] ?? ''
  return { proposals: choices, values: kindUnless(choices, command, placeholder, option.long), prefix }
}

function kindUnless(
  choices: readonly Proposal[],
  command: Command,
  placeholder: string,
  flag?: string,
): ValueKind | undefined {
  return choices.length > 0 ? undefined : valueKindOf({ command: pathOf(command), placeholder, flag })
}

function choicesOf({ argChoices = [] }: Argument | Option): readonly Proposal[] {
  return argChoices.map((value) => ({ value, description: '' }))
}

function optionProposals(command: Command): readonly Proposal[] {
  const options = command.createHelp().visibleOptions(command)
  return options.map(({ long, short, description }) => ({ value: long ?? short ?? '', description }))
}

function commandProposals(command: Command): readonly Proposal[] {
  const commands = command.createHelp().visibleCommands(command)
  return commands.map((one) => ({ value: one.name(), description: one.summary() || one.description() }))
}

function only(proposals: readonly Proposal[]): Wanted {
  return { proposals, values: undefined, prefix: '' }
}

/** `budget set`; nothing for the program itself. */
function pathOf(command: Command): string {
  const { parent } = command
  if (!parent) return ''
  const before = pathOf(parent)
  return before === '' ? command.name() : `${before} ${command.name()}`
}
