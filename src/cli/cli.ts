/** The command line. Only the command that is asked for is loaded: `--help` and completion stay quick. */
import { Command, type CommanderError } from 'commander'
import { didYouMean } from '../core/did-you-mean.ts'
import { BottleError } from '../core/errors.ts'
import { homePath } from '../host/paths.ts'
import { packageVersion } from '../host/version.ts'
import { type CliContext, createContext, type Entries } from './context.ts'
import { failureOf } from './failure.ts'
import { refuseEmptyWords, usageError } from './usage-error.ts'

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<(context: CliContext) => Command>
}

const commands: Readonly<Record<string, CommandEntry>> = {
  start: {
    summary: 'start an agent in a bottle',
    load: async () => (await import('./commands/start.ts')).startCommand,
  },
  run: { summary: 'run any program in a bottle', load: async () => (await import('./commands/run.ts')).runCommand },
  init: {
    summary: 'write settings, a bottle and an agent to start from',
    load: async () => (await import('./commands/init.ts')).initCommand,
  },
  agents: {
    summary: 'list the agents that can be started',
    load: async () => (await import('./commands/agents.ts')).agentsCommand,
  },
  bottles: {
    summary: 'list the bottle definitions',
    load: async () => (await import('./commands/bottles.ts')).bottlesCommand,
  },
  show: {
    summary: 'show what a start would use, and where it was written',
    load: async () => (await import('./commands/show.ts')).showCommand,
  },
  manifest: {
    summary: 'check the definitions of agents and bottles',
    load: async () => (await import('./commands/manifest.ts')).manifestCommand,
  },
  settings: {
    summary: 'check the settings of this host',
    load: async () => (await import('./commands/settings.ts')).settingsCommand,
  },
  ps: { summary: 'list the bottles', load: async () => (await import('./commands/ps.ts')).psCommand },
  attach: {
    summary: 'attach this terminal to a bottle in the background',
    load: async () => (await import('./commands/attach.ts')).attachCommand,
  },
  logs: {
    summary: 'show what a bottle in the background printed',
    load: async () => (await import('./commands/logs.ts')).logsCommand,
  },
  diff: {
    summary: 'show what a bottle changed in its workspace',
    load: async () => (await import('./commands/diff.ts')).diffCommand,
  },
  apply: {
    summary: 'take over into your directory what a bottle changed',
    load: async () => (await import('./commands/apply.ts')).applyCommand,
  },
  discard: {
    summary: 'take back what a bottle changed',
    load: async () => (await import('./commands/discard.ts')).discardCommand,
  },
  cutoff: {
    summary: 'cut a bottle off from the network; its program runs on',
    load: async () => (await import('./commands/cutoff.ts')).cutoffCommand,
  },
  restore: {
    summary: 'reopen a bottle that was cut off',
    load: async () => (await import('./commands/restore.ts')).restoreCommand,
  },
  freeze: {
    summary: 'stop a bottle and keep it for later',
    load: async () => (await import('./commands/freeze.ts')).freezeCommand,
  },
  resume: {
    summary: 'go on with a frozen bottle',
    load: async () => (await import('./commands/resume.ts')).resumeCommand,
  },
  snapshot: {
    summary: 'move a frozen bottle to another host',
    load: async () => (await import('./commands/snapshot.ts')).snapshotCommand,
  },
  kill: {
    summary: 'end a bottle and remove what it left behind',
    load: async () => (await import('./commands/kill.ts')).killCommand,
  },
  dashboard: {
    summary: 'watch bottles and budgets, and steer them by keys',
    load: async () => (await import('./commands/dashboard.ts')).dashboardCommand,
  },
  budget: {
    summary: 'list, set and explain budgets',
    load: async () => (await import('./commands/budget.ts')).budgetCommand,
  },
  usage: {
    summary: 'show the tokens that were used',
    load: async () => (await import('./commands/usage.ts')).usageCommand,
  },
  report: {
    summary: 'write a page of what was used, cut and refused',
    load: async () => (await import('./commands/report.ts')).reportCommand,
  },
  routes: {
    summary: 'list what a bottle may reach, and test a request',
    load: async () => (await import('./commands/routes.ts')).routesCommand,
  },
  denials: {
    summary: 'show what bottles were refused',
    load: async () => (await import('./commands/denials.ts')).denialsCommand,
  },
  ledger: {
    summary: 'verify, rebuild, back up or export the ledger',
    load: async () => (await import('./commands/ledger.ts')).ledgerCommand,
  },
  audit: {
    summary: 'show what was enforced, and why',
    load: async () => (await import('./commands/audit.ts')).auditCommand,
  },
  doctor: {
    summary: 'check what this host needs to run bottles',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  controller: {
    summary: 'run, look at or stop the controller',
    load: async () => (await import('./commands/controller.ts')).controllerCommand,
  },
  completion: {
    summary: 'print a script that completes commands in your shell',
    load: async () => (await import('./commands/completion.ts')).completionCommand,
  },
  demo: {
    summary: 'watch a budget run out, with a simulated provider',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
}

/** Hidden: what the scripts of `completion` ask. */
const completeCommand = '__complete'

/** Runs one command line and resolves to its exit code; never throws. */
export async function runCli(argv: readonly string[], entries: Entries): Promise<number> {
  surviveClosedOutput()
  let exitCode = 0
  const exit = (code: number): void => {
    exitCode = code
  }
  try {
    const context = createContext(entries, { home: homePath(), exit })
    if (argv[0] === completeCommand) return await completed(context, argv.slice(2))
    const words = argv[0] === 'help' && argv.length > 1 ? [...argv.slice(1), '--help'] : argv
    const program = await createProgram(words, context)
    if (words.length === 0) program.outputHelp()
    else await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    const failure = failureOf(error, { isDebugging: Boolean(process.env.BOT_BOTTLE_DEBUG) })
    for (const line of failure.lines) process.stderr.write(`${line}\n`)
    return failure.exitCode
  }
}

/** Whoever presses a key wants proposals or nothing: no failure is told. */
async function completed(context: CliContext, words: readonly string[]): Promise<number> {
  try {
    const named = Object.hasOwn(commands, words[0] ?? '') && words.length > 1 ? words : []
    const { complete } = await import('./completion/complete.ts')
    await complete(context, await createProgram(named, context), words)
  } catch {}
  return 0
}

async function createProgram(words: readonly string[], context: CliContext): Promise<Command> {
  const program = new Command('bot-bottle')
    .description(
      'Runs coding agents in bottles: sandboxes whose only way out meters tokens and cuts when a budget is spent.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .usage('COMMAND [OPTIONS]')
    .enablePositionalOptions()
    .addHelpText('after', '\nbot-bottle COMMAND --help explains one command.\n')
    .hook('preAction', (_, command) => refuseEmptyWords(command))
  const asked = words[0]
  if (asked !== undefined && !asked.startsWith('-') && !Object.hasOwn(commands, asked)) throw unknownCommand(asked)
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = name === asked ? (await load())(context) : new Command(name)
    program.addCommand(settled(command.summary(summary)))
  }
  return settled(program)
}

/** Errors are thrown, for `failureOf` to say. */
function settled(command: Command): Command {
  command
    .exitOverride((error: CommanderError) => {
      throw error.exitCode === 0 || error.code === 'commander.help' ? error : usageError(error, command)
    })
    .configureOutput({ outputError: () => undefined })
    .helpOption('-h, --help', 'print help')
  for (const child of command.commands) settled(child)
  return command
}

function unknownCommand(name: string): BottleError {
  const meant = didYouMean(name, Object.keys(commands))
  const hint = meant === undefined ? 'bot-bottle --help lists the commands.' : `Did you mean "bot-bottle ${meant}"?`
  return new BottleError('usage', `there is no command "${name}"`, { hint })
}

/**
 * Whoever reads our output may leave early (`| head`): that ends the command, and is no error. A command that holds
 * something (a bottle, the demo's stage) takes it for a hang-up, and so ends that in order first.
 */
function surviveClosedOutput(): void {
  let isEnding = false
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isEnding) return
    isEnding = true
    if (error.code !== 'EPIPE') process.stderr.write(`bot-bottle: the output cannot be written: ${error.message}\n`)
    if (process.listenerCount('SIGHUP') > 0) process.emit('SIGHUP')
    else process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
  // Without its reader (a terminal that was closed) nothing is left to say, but a bottle is still to be ended in order.
  process.stderr.on('error', () => undefined)
}
