import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { agentRows, bottleRows, type DefinitionRow } from '../definition-rows.ts'
import { effectiveDefinition } from '../effective-definition.ts'
import { inertJson } from '../inert.ts'
import { repeatable } from '../launch-options.ts'
import { tableLines } from '../table.ts'

interface ShowOptions {
  readonly bottle?: readonly string[]
  readonly json?: boolean
}

export function showCommand(context: CliContext): Command {
  return new Command('show')
    .description(
      'Shows what a start of this agent, or a run in this bottle, would use, and where each value was written.',
    )
    .argument('<name>', 'an agent, or a bottle definition')
    .addOption(repeatable('--bottle <name>', 'the agent in this bottle; several are merged', (name: string) => name))
    .option('--json', 'print it as JSON: {agent?, bottle}, each a list of {key, value, from}')
    .addHelpText('after', '\nExamples:\n  bot-bottle show reviewer\n  bot-bottle show web\n')
    .action((name: string, options: ShowOptions) => show(context, name, options))
}

async function show(context: CliContext, name: string, { bottle: bottles, json = false }: ShowOptions): Promise<void> {
  const { agent, bottle } = await effectiveDefinition(context, name, bottles)
  const shown = { ...(agent && { agent: agentRows(agent) }), ...(bottle && { bottle: bottleRows(bottle) }) }
  if (json) return context.print(inertJson(shown))
  for (const [title, rows] of Object.entries(shown)) printRows(context, title, rows)
}

function printRows(context: CliContext, title: string, rows: readonly DefinitionRow[]): void {
  const columns = [{ title: title.toUpperCase() }, { title: 'VALUE' }, { title: 'FROM' }]
  const cells = rows.map(({ key, value, from }) => [key, value, from])
  for (const line of tableLines(columns, cells, context.widthColumns)) context.print(line)
}
