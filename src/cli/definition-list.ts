/** `agents` and `bottles`: names and where each comes from. No definition is read, so a broken one is listed too. */
import { Command } from 'commander'
import {
  type DefinitionKind,
  ignoredBottlesNotice,
  listDefinitions,
  misnamedFiles,
  refuseStaleConfiguration,
} from '../host/manifests/places.ts'
import type { CliContext } from './context.ts'
import { inertJson } from './inert.ts'
import { tableLines } from './table.ts'

export interface ListOptions {
  readonly kind: DefinitionKind
  readonly description: string
}

export function listCommand(context: CliContext, { kind, description }: ListOptions): Command {
  return new Command(kind)
    .description(description)
    .option('--json', 'print them as JSON: a list of {name, path}; path is null for what is built in')
    .addHelpText('after', `\nExample:\n  bot-bottle ${kind}\n`)
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const places = { home: context.home, projectPath: context.cwd }
      await refuseStaleConfiguration(places)
      const notice = await ignoredBottlesNotice(places)
      if (notice !== undefined) context.tell(notice)
      for (const file of await misnamedFiles(kind, places))
        context.tell(`${file} is not read: its name cannot be a name`)
      const listed = await listDefinitions(kind, places)
      if (json) return context.print(inertJson(listed.map(({ name, path }) => ({ name, path }))))
      const rows = listed.map(({ name, shown }) => [name, shown])
      for (const line of tableLines([{ title: 'NAME' }, { title: 'FROM' }], rows, context.widthColumns)) {
        context.print(line)
      }
    })
}
