import { Command } from 'commander'
import { builtInProviders } from '../../core/provider/providers.ts'
import { hostPaths } from '../../host/paths.ts'
import { readSettings } from '../../host/settings.ts'
import type { CliContext } from '../context.ts'

export function settingsCommand(context: CliContext): Command {
  const check = new Command('check')
    .description('Reads settings.yml and tells what is wrong, each with file, line and column. Exit code 2 then.')
    .addHelpText('after', '\nExample:\n  bot-bottle settings check\n')
    .action(async () => {
      await readSettings({ home: context.home, providers: builtInProviders.map(({ name }) => name) })
      context.print(`${hostPaths(context.home).settingsPath}: nothing wrong`)
    })
  return new Command('settings').description('Checks the settings of this host.').addCommand(check)
}
