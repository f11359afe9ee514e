import { Command } from 'commander'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'

export function killCommand(context: CliContext): Command {
  return new Command('kill')
    .description(
      'Ends every process of bottles and removes their files, what was changed in workspaces too. What they used stays.',
    )
    .argument('<id...>', 'ids of bottles (see: bot-bottle ps --all)')
    .addHelpText('after', '\nExample:\n  bot-bottle kill claude-x1y2\n')
    .action(async (ids: readonly string[]) => {
      const client = await connect(context)
      for (const id of ids) {
        const { changed } = await client.kill(id)
        context.tell(changed ? `${id} is gone` : `${id} had ended already`)
      }
    })
}
