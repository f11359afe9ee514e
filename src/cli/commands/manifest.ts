import { Command } from 'commander'
import { problemInWords } from '../../core/manifest/definition.ts'
import { checkManifests } from '../../host/manifests/check.ts'
import { ignoredBottlesNotice, refuseStaleConfiguration } from '../../host/manifests/places.ts'
import type { CliContext } from '../context.ts'
import { inert, inertJson } from '../inert.ts'

export function manifestCommand(context: CliContext): Command {
  const check = new Command('check')
    .description(
      'Reads every agent and bottle and tells what is wrong, each with file, line and column. Exit code 2 then.',
    )
    .option('--json', 'print it as JSON: {agents, bottles, problems: [{file, line, column, message}]}')
    .addHelpText('after', '\nExample:\n  bot-bottle manifest check\n')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const places = { home: context.home, projectPath: context.cwd }
      await refuseStaleConfiguration(places)
      const notice = await ignoredBottlesNotice(places)
      if (notice !== undefined) context.tell(notice)
      const checked = await checkManifests(places)
      if (json) context.print(inertJson(checked))
      else if (checked.problems.length === 0) {
        context.print(`${checked.agents} agents and ${checked.bottles} bottles, nothing wrong`)
      } else for (const problem of checked.problems) context.print(inert(problemInWords(problem)))
      context.exit(checked.problems.length === 0 ? 0 : 2)
    })
  return new Command('manifest').description('Checks the definitions of agents and bottles.').addCommand(check)
}
