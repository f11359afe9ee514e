import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { enforcementCommand } from '../enforcement-command.ts'

export function killCommand(context: CliContext): Command {
  return enforcementCommand(context, {
    name: 'kill',
    description:
      'Ends every process of bottles and removes their files, what was changed in workspaces too. What they used stays.',
    ids: 'ids of bottles (see: bot-bottle ps --all)',
    examples: '\nExample:\n  bot-bottle kill claude-x1y2\n',
    act: (client, id) => client.kill(id),
    words: (id, changed) => (changed ? `${id} is gone` : `${id} had ended already`),
  })
}
