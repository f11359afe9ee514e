import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { enforcementCommand } from '../enforcement-command.ts'

export function freezeCommand(context: CliContext): Command {
  return enforcementCommand(context, {
    name: 'freeze',
    description:
      'Stops bottles, keeps their home, workspace and what they used, and ends their processes. "resume" goes on from there.',
    ids: 'ids of bottles (see: bot-bottle ps)',
    examples: '\nExample:\n  bot-bottle freeze claude-3fa2c1\n  bot-bottle resume claude-3fa2c1\n',
    act: (client, id) => client.freeze(id),
    words: (id, changed) =>
      changed ? `${id} is frozen; it goes on with: bot-bottle resume ${id}` : `${id} was frozen already`,
  })
}
