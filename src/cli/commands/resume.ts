import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import type { RestartPolicy } from '../detached/restart.ts'
import {
  type BudgetOption,
  budgetOption,
  checkDetachOptions,
  detachOption,
  noTerminalOption,
  restartOption,
  timeoutOption,
} from '../launch-options.ts'
import { resume } from '../resume.ts'

interface ResumeOptions {
  readonly budget?: readonly BudgetOption[]
  readonly continue: boolean
  readonly detach?: boolean
  readonly tty: boolean
  readonly restart: RestartPolicy
  readonly timeout?: number
}

export function resumeCommand(context: CliContext): Command {
  return new Command('resume')
    .description(
      'Goes on with a frozen bottle, in this terminal or in the background: the same id, files and spending. Its agent is started anew and told to go on with its last conversation; what its programs had in memory is gone.',
    )
    .usage('[OPTIONS] ID [-- ARGS]')
    .argument('<id>', 'id of a frozen bottle (see: bot-bottle ps)')
    .argument('[args...]', 'what the agent is given besides, behind --')
    .addOption(budgetOption('a new limit, e.g. 400000 or claude=400000, in place of that of its start'))
    .option('--no-continue', 'start the agent without its flag to go on: ARGS say all')
    .addOption(detachOption())
    .addOption(noTerminalOption())
    .addOption(restartOption())
    .addOption(timeoutOption())
    .addHelpText('after', examples)
    .action(async (id: string, words: readonly string[], options: ResumeOptions) => {
      checkDetachOptions(options)
      const { budget = [], continue: isContinuing, tty, restart, timeout: timeoutMs } = options
      const detach = options.detach ? { tty, restart } : undefined
      context.exit(await resume(context, { id, words, budget, isContinuing, detach, timeoutMs }))
    })
}

const examples = `
Examples:
  bot-bottle resume claude-3fa2c1 --budget 400000
  bot-bottle resume claude-3fa2c1 -- -p "go on"
  bot-bottle resume codex-81b2aa --no-continue -- exec resume --last "go on"
`
