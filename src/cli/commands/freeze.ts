import { Command } from 'commander'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'

export function freezeCommand(context: CliContext): Command {
  return new Command('freeze')
    .description(
      'Stops bottles, keeps their home, workspace and what they used, and ends their processes. "resume" goes on from there.',
    )
    .argument('<id...>', 'ids of bottles (see: bot-bottle ps)')
    .addHelpText('after', '\nExample:\n  bot-bottle freeze claude-3fa2c1\n  bot-bottle resume claude-3fa2c1\n')
    .action(async (ids: readonly string[]) => {
      const client = await connect(context)
      for (const id of ids) {
        const { changed } = await client.freeze(id)
        context.tell(changed ? `${id} is frozen; it goes on with: bot-bottle resume ${id}` : `${id} was frozen already`)
      }
    })
}
