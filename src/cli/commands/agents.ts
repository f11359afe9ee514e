import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { listCommand } from '../definition-list.ts'

export function agentsCommand(context: CliContext): Command {
  return listCommand(context, {
    kind: 'agents',
    description: 'Lists the agents that can be started: those of this project, your own and the built-in ones.',
  })
}
