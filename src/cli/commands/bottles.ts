import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { listCommand } from '../definition-list.ts'

export function bottlesCommand(context: CliContext): Command {
  return listCommand(context, {
    kind: 'bottles',
    description: 'Lists the bottle definitions: your own and the built-in ones. (The running bottles: bot-bottle ps)',
  })
}
