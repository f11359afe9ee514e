import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { enforcementCommand } from '../enforcement-command.ts'

export function cutoffCommand(context: CliContext): Command {
  return enforcementCommand(context, {
    name: 'cutoff',
    description: 'Cuts bottles off from the network at once. Their programs run on, and "restore" reopens them.',
    ids: 'ids of bottles (see: bot-bottle ps)',
    examples: '\nExample:\n  bot-bottle cutoff claude-x1y2\n',
    act: (client, id) => client.cutoff(id),
    words: (id, changed) => (changed ? `${id} is cut off` : `${id} was cut off already`),
  })
}
