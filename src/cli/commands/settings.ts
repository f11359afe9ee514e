import { Command } from 'commander'
import { upstreamProxyInWords } from '../../core/manifest/upstream-proxy-words.ts'
import { builtInProviders } from '../../core/provider/providers.ts'
import { hostPaths } from '../../host/paths.ts'
import { readPrices } from '../../host/prices.ts'
import { readSettings } from '../../host/settings.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'

export function settingsCommand(context: CliContext): Command {
  const check = new Command('check')
    .description(
      'Reads settings.yml, and prices.yml where there is one, and tells what is wrong, each with file, line and column. Exit code 2 then.',
    )
    .option('--json', 'print what was read as JSON: {files}')
    .addHelpText('after', '\nExample:\n  bot-bottle settings check\n')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const settings = await readSettings({ home: context.home, providers: builtInProviders.map(({ name }) => name) })
      const { settingsPath, pricesPath } = hostPaths(context.home)
      const hasPrices = (await readPrices(pricesPath)) !== undefined
      const files = [settingsPath, ...(hasPrices ? [pricesPath] : [])]
      if (json) return context.print(inertJson({ files }))
      for (const file of files) context.print(`${file}: nothing wrong`)
      const proxy = upstreamProxyInWords(settings)
      if (proxy !== undefined) context.print(proxy)
    })
  return new Command('settings').description('Checks the settings of this host.').addCommand(check)
}
