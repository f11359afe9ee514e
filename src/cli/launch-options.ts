/** The options that `start` and `run` share. What can be wrong without a controller is refused here. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { StartRequest } from '../controller/api.ts'
import { parseBudgetFlag, resolveBudgets } from '../core/budget/limit.ts'
import { didYouMean } from '../core/did-you-mean.ts'
import { BottleError } from '../core/errors.ts'
import { variableFault } from '../core/manifest/environment-notation.ts'
import type { RestartPolicy } from './detached/restart.ts'
import { parseDuration } from './time.ts'

export interface BudgetOption {
  readonly provider: string | null
  readonly limitTokens: number
}

/** `value: null`: that of the environment which the command runs in. */
export interface EnvironmentOption {
  readonly name: string
  readonly value: string | null
}

export interface LaunchOptions {
  readonly bottle?: readonly string[]
  readonly budget?: readonly BudgetOption[]
  readonly env?: readonly EnvironmentOption[]
  readonly shutdown?: NonNullable<StartRequest['policy']>
  readonly sandbox: StartRequest['sandbox']
  readonly workspace: StartRequest['workspace']['kind']
  readonly readOnly?: readonly string[]
  readonly learn?: boolean
  readonly detach?: boolean
  readonly tty: boolean
  readonly restart: RestartPolicy
  readonly timeout?: number
}

export function addLaunchOptions(command: Command): Command {
  return command
    .addOption(repeatable('--bottle <name>', 'bottle definition to use; several are merged', (name: string) => name))
    .addOption(budgetOption('tokens that this bottle may use, e.g. 200000 or claude=200000'))
    .addOption(
      repeatable('--env <name[=value]>', 'variable for the program; without a value, your own', environmentOption),
    )
    .addOption(
      new Option(
        '--shutdown <policy>',
        'what happens when the budget is spent (default: as settings.yml says)',
      ).choices(['cutoff', 'freeze', 'kill']),
    )
    .addOption(
      new Option('--sandbox <name>', '"none" runs the program uncontained')
        .choices(['bubblewrap', 'none'])
        .default('bubblewrap'),
    )
    .addOption(
      new Option('--workspace <kind>', 'work in a layer over this directory, on a copy, on itself, or on an empty one')
        .choices(['layer', 'copy', 'direct', 'none'])
        .default('layer'),
    )
    .addOption(repeatable('--read-only <path>', 'host path to show inside, read-only', (path: string) => path))
    .option('--learn', 'let it reach hosts that no route allows, and print the routes for them at the end')
    .addOption(detachOption())
    .addOption(noTerminalOption())
    .addOption(restartOption())
    .addOption(timeoutOption())
}

export function detachOption(): Option {
  return new Option('-d, --detach', 'in the background, with a terminal of its own; prints the id')
}

export function noTerminalOption(): Option {
  return new Option('--no-tty', 'with --detach: without a terminal, and with nothing to read')
}

export function restartOption(): Option {
  return new Option('--restart <policy>', 'with --detach: start a program that fails again, up to 10 times')
    .choices(['never', 'on-failure'])
    .default('never')
}

export function timeoutOption(): Option {
  return new Option('--timeout <duration>', 'end it after so long, e.g. 90s, 30m, 2h: exit code 124').argParser(
    (text) => {
      const timeoutMs = parseDuration(text)
      if (timeoutMs === undefined) throw new InvalidArgumentError('Write 90s, 30m, 2h or 1d.')
      return timeoutMs
    },
  )
}

/** Throws BottleError `usage` for what only means something together. */
export function checkDetachOptions(options: Pick<LaunchOptions, 'detach' | 'tty' | 'restart'>): void {
  if (options.detach) return
  if (!options.tty) throw new BottleError('usage', '--no-tty is for bottles that are started with --detach')
  if (options.restart !== 'never')
    throw new BottleError('usage', '--restart is for bottles that are started with --detach')
}

export function budgetOption(description: string): Option {
  return repeatable('--budget <[provider=]tokens>', description, (text: string): BudgetOption => {
    const flag = parseBudgetFlag(text)
    if (flag.kind === 'invalid') throw new InvalidArgumentError(`${flag.why}.`)
    return flag
  })
}

function environmentOption(text: string): EnvironmentOption {
  const split = text.indexOf('=')
  const name = split === -1 ? text : text.slice(0, split)
  const fault = variableFault(name)
  if (fault !== undefined) throw new InvalidArgumentError(`"${name}" ${fault}.`)
  return { name, value: split === -1 ? null : text.slice(split + 1) }
}

/** Throws BottleError `usage` for a variable without a value that is not set here either. */
export function environmentFor(
  options: readonly EnvironmentOption[],
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const given: Record<string, string> = {}
  for (const { name, value } of options) {
    const found = value ?? env[name]
    if (found === undefined) {
      throw new BottleError('usage', `--env ${name}: the variable ${name} is not set here`, {
        hint: `Set it, or write --env ${name}=VALUE.`,
      })
    }
    given[name] = found
  }
  return given
}

export function repeatable<Value>(flags: string, description: string, parse: (text: string) => Value): Option {
  const append = (text: string, earlier: readonly Value[] = []): readonly Value[] => [...earlier, parse(text)]
  return new Option(flags, description).argParser(append)
}

/** Throws BottleError `usage` for a budget that no provider of the bottle takes. */
export function budgetsFor(flags: readonly BudgetOption[], providers: readonly string[]): StartRequest['budgets'] {
  const resolved = resolveBudgets(flags, providers)
  if (resolved.kind === 'invalid') throw new BottleError('usage', resolved.why, { hint: budgetHint(flags, providers) })
  return resolved.budgets
}

function budgetHint(flags: readonly BudgetOption[], providers: readonly string[]): string {
  const unknown = flags.find(({ provider }) => provider !== null && !providers.includes(provider))
  const meant = unknown && didYouMean(unknown.provider ?? '', providers)
  if (meant !== undefined) return `Did you mean --budget ${meant}=${unknown?.limitTokens}?`
  return 'Write --budget TOKENS, or --budget PROVIDER=TOKENS for each provider of the bottle.'
}

export async function existingPaths(paths: readonly string[], cwd: string): Promise<readonly string[]> {
  const absolute = paths.map((path) => resolve(cwd, path))
  for (const path of absolute) {
    await stat(path).catch((cause: unknown) => {
      throw new BottleError('usage', `--read-only ${path}: there is no such path`, {
        hint: 'Give a file or a directory of this host.',
        cause,
      })
    })
  }
  return absolute
}
