import { Command } from 'commander'
import type { BottleView } from '../../controller/api.ts'
import { BottleError } from '../../core/errors.ts'
import { connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { attachTerminal } from '../detached/attach-terminal.ts'
import { createDetachKeys } from '../detached/detach-keys.ts'
import { connectHolder } from '../detached/holder-socket.ts'
import { instancePath } from '../instance-path.ts'
import { holdSignals } from '../program.ts'

const defaultKeys = 'ctrl-p,ctrl-q'

export function attachCommand(context: CliContext): Command {
  return new Command('attach')
    .description(
      `Attaches this terminal to a bottle in the background, as if it had been started here: first the latest of what it printed. The keys ${defaultKeys} leave it alone again; others may be attached at the same time. Passes its exit code on when it ends meanwhile.`,
    )
    .argument('<id>', 'id of the bottle (see: bot-bottle ps)')
    .option('--detach-keys <keys>', 'the keys to leave with, e.g. ctrl-] or ctrl-a,d', defaultKeys)
    .addHelpText('after', '\nExample:\n  bot-bottle attach claude-x1y2\n')
    .action(async (id: string, options: { readonly detachKeys: string }) => {
      context.exit(await attach(context, id, options.detachKeys))
    })
}

async function attach(context: CliContext, id: string, keyNames: string): Promise<number> {
  const directory = instancePath(context.home, id)
  const keys = createDetachKeys(keyNames)
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new BottleError('usage', 'attach needs a terminal', { hint: `Follow it with: bot-bottle logs -f ${id}` })
  }
  const client = await connectOrStart(context)
  const holder = await connectHolder(directory)
  if (!holder) throw notInBackground(await client.bottle(id))
  using signals = holdSignals()
  const end = await attachTerminal(holder, keys, signals.ending)
  if (end.kind === 'signal') return end.number
  if (end.kind === 'detached') {
    context.tell(`${id} runs on; bot-bottle attach ${id} comes back`)
    return 0
  }
  const { state, exitCode } = await client.bottle(id)
  context.tell(`${id} has ended: it is ${state}`)
  return exitCode ?? 1
}

function notInBackground({ id, state, endedAtMs }: BottleView): BottleError {
  const is = endedAtMs !== null || state === 'frozen' ? state : 'in the terminal that it was started from'
  return new BottleError('conflict', `bottle "${id}" does not run in the background: it is ${is}`, {
    hint: 'Those that do are started with --detach, and marked by: bot-bottle ps',
  })
}
