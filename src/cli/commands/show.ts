import { Command } from 'commander'
import { BottleError } from '../../core/errors.ts'
import { forAgent } from '../../core/manifest/for-agent.ts'
import { loadAgent, loadBottle } from '../../host/manifests/load.ts'
import { ignoredBottlesNotice, listDefinitions, refuseStaleConfiguration } from '../../host/manifests/places.ts'
import type { CliContext } from '../context.ts'
import { agentRows, bottleRows, type DefinitionRow } from '../definition-rows.ts'
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

async function show(context: CliContext, name: string, { bottle, json = false }: ShowOptions): Promise<void> {
  const places = { home: context.home, projectPath: context.cwd }
  await refuseStaleConfiguration(places)
  const notice = await ignoredBottlesNotice(places)
  if (notice !== undefined) context.tell(notice)
  const isAgent = await isListed('agents')
  if (!isAgent && !bottle && !(await isListed('bottles'))) {
    throw new BottleError('not_found', `there is no agent and no bottle named "${name}"`, {
      hint: 'bot-bottle agents and bot-bottle bottles list them.',
    })
  }
  const agent = isAgent || bottle ? await loadAgent(name, places) : undefined
  const names = bottle ?? (agent ? (agent.bottle ? [agent.bottle.value] : []) : [name])
  const namedAt = bottle ? undefined : agent?.bottle?.origin
  const merged = names.length === 0 ? undefined : await loadBottle(names, places, namedAt)
  const effective = merged && agent ? forAgent(merged, agent) : merged
  const shown = { ...(agent && { agent: agentRows(agent) }), ...(effective && { bottle: bottleRows(effective) }) }
  if (json) return context.print(inertJson(shown))
  for (const [title, rows] of Object.entries(shown)) printRows(context, title, rows)

  async function isListed(kind: 'agents' | 'bottles'): Promise<boolean> {
    return (await listDefinitions(kind, places)).some((listed) => listed.name === name)
  }
}

function printRows(context: CliContext, title: string, rows: readonly DefinitionRow[]): void {
  const columns = [{ title: title.toUpperCase() }, { title: 'VALUE' }, { title: 'FROM' }]
  const cells = rows.map(({ key, value, from }) => [key, value, from])
  for (const line of tableLines(columns, cells, context.widthColumns)) context.print(line)
}
