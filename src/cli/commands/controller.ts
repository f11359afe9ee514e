import { setTimeout as delay } from 'node:timers/promises'
import { Command, Option } from 'commander'
import type { ChannelStatus, ControllerStatus } from '../../controller/api.ts'
import type { ControllerClient } from '../../controller/client.ts'
import { stopController } from '../../controller/client-stop.ts'
import { BottleError } from '../../core/errors.ts'
import { type LogLevel, logLevels } from '../../core/log-level.ts'
import { connect, connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inert, inertJson } from '../inert.ts'
import { ageInWords } from '../time.ts'

export function controllerCommand(context: CliContext): Command {
  return new Command('controller')
    .description(
      'The daemon that holds the ledger, the budgets and the way out of every bottle. It starts with the first bottle.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  bot-bottle controller run        in the foreground, e.g. for a service manager\n  bot-bottle controller status\n',
    )
    .addCommand(
      new Command('run')
        .description('Runs the controller in the foreground, until it is stopped.')
        .addOption(
          new Option('--log-level <level>', 'the least that is told; default: as settings say').choices(logLevels),
        )
        .addOption(
          new Option('--log-format <format>', 'default: human at a terminal, else json').choices(['human', 'json']),
        )
        .option('--replace', 'take the place of one that runs; bottles live on')
        .addOption(new Option('--detached-child', 'how a client starts it').hideHelp())
        .action((options: RunOptions) => run(context, options)),
    )
    .addCommand(
      new Command('status')
        .description('Shows whether it runs. Exit code 1 when not.')
        .option('--json', 'print it as JSON: a ControllerStatus')
        .action((options: { readonly json?: boolean }) => showStatus(context, options)),
    )
    .addCommand(
      new Command('stop')
        .description('Stops it. Refused while bottles live, since they end with it.')
        .option('--leave-bottles', 'leave them to the next one: they live on without a way out')
        .option('--force', 'even then')
        .option('--json', 'print whether there was one as JSON: {stopped}')
        .action((options: StopOptions) => stop(context, options)),
    )
    .addCommand(
      new Command('restart')
        .description(
          'Replaces it by a new one, e.g. after an update. Bottles live on, and what they are asking is asked again.',
        )
        .option('--force', 'even while bottles without containment live, which end with it')
        .option('--json', 'print the new one as JSON: a ControllerStatus')
        .action((options: RestartOptions) => restart(context, options)),
    )
    .addCommand(
      new Command('install')
        .description(
          'Makes it a service of your systemd, which starts it with your sessions. Bottles outlive its restart.',
        )
        .option('--now', 'start it at once')
        .action(async ({ now = false }: { readonly now?: boolean }) => (await service()).installService(context, now)),
    )
    .addCommand(
      new Command('uninstall')
        .description('Stops the service and takes it away. Bottles live on.')
        .action(async () => (await service()).uninstallService(context)),
    )
}

const service = () => import('../service/install-service.ts')

interface RestartOptions {
  readonly force?: boolean
  readonly json?: boolean
}

interface StopOptions extends RestartOptions {
  readonly leaveBottles?: boolean
}

interface RunOptions {
  readonly replace?: boolean
  readonly detachedChild?: boolean
  readonly logLevel?: LogLevel
  readonly logFormat?: 'human' | 'json'
}

/** A detached one reports its failure in its log, where its starter reads it. */
async function run(context: CliContext, { detachedChild = false, replace = false, ...log }: RunOptions): Promise<void> {
  const { runController } = await context.entries.controller()
  for (let tries = 1; ; tries += 1) {
    if (replace) await leaveToUs(context)
    try {
      return context.exit(await runController({ home: context.home, foreground: !detachedChild, ...log }))
    } catch (error) {
      const isTaken = error instanceof BottleError && error.code === 'controller_running'
      if (!replace || !isTaken || tries === maxReplacements) throw error
      await delay(replacementWaitMs)
    }
  }
}

/** Whoever holds a bottle starts a controller as well when one is gone: it may be there before us, and is replaced, too. */
const maxReplacements = 20
const replacementWaitMs = 100

async function leaveToUs(context: CliContext): Promise<void> {
  const client = await connectIfRunning(context)
  if (client) await stopController(client, { force: false, leavesBottles: true })
}

async function showStatus(context: CliContext, { json = false }: { json?: boolean }): Promise<void> {
  const status = await (await connect(context)).status()
  if (json) return context.print(inertJson(status))
  context.print(statusInWords(status, context.nowMs()))
  for (const channel of status.notifications.filter(({ givenUp }) => givenUp > 0))
    context.print(inert(troubleOf(channel)))
}

function troubleOf({ channel, delivered, givenUp, waiting, lastFailure }: ChannelStatus): string {
  return `notifications by ${channel}: ${givenUp} given up, ${waiting} waiting, ${delivered} delivered; ${lastFailure}`
}

function statusInWords({ version, pid, home, startedAtMs, livingBottles }: ControllerStatus, nowMs: number): string {
  const bottles = bottlesInWords(livingBottles)
  return `running: version ${version}, process ${pid}, since ${ageInWords(nowMs - startedAtMs)}, ${bottles}, ${home}`
}

async function stop(context: CliContext, { force = false, leaveBottles = false, json }: StopOptions): Promise<void> {
  const client = await connectIfRunning(context)
  if (client) await stopController(client, { force, leavesBottles: leaveBottles })
  if (json) return context.print(inertJson({ stopped: client !== undefined }))
  context.tell(client ? 'the controller is stopped' : 'no controller is running')
}

async function restart(context: CliContext, { force = false, json }: RestartOptions): Promise<void> {
  const client = await connectIfRunning(context)
  if (client) await stopController(client, { force, leavesBottles: true })
  const status = await (await connectOrStart(context)).status()
  if (json) return context.print(inertJson(status))
  const { livingBottles, version } = status
  context.tell(`the controller runs anew: version ${version}, with ${bottlesInWords(livingBottles)}`)
}

async function connectIfRunning(context: CliContext): Promise<ControllerClient | undefined> {
  try {
    return await connect(context)
  } catch (error) {
    if (error instanceof BottleError && error.code === 'controller_unreachable') return undefined
    throw error
  }
}

function bottlesInWords(count: number): string {
  return count === 1 ? '1 bottle' : `${count} bottles`
}
