import { Command } from 'commander'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'

export function cutoffCommand(context: CliContext): Command {
  return new Command('cutoff')
    .description('Cuts bottles off from the network at once. Their programs run on, and "restore" reopens them.')
    .argument('<id...>', 'ids of bottles (see: bot-bottle ps)')
    .addHelpText('after', '\nExample:\n  bot-bottle cutoff claude-x1y2\n')
    .action(async (ids: readonly string[]) => {
      const client = await connect(context)
      for (const id of ids) {
        const { changed } = await client.cutoff(id)
        context.tell(changed ? `${id} is cut off` : `${id} was cut off already`)
      }
    })
}
