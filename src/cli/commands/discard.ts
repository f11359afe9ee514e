import { Command } from 'commander'
import { discardChanges } from '../../sandbox/layers/discard-changes.ts'
import { changesAt } from '../../sandbox/layers/select-changes.ts'
import { allChanges, bottleLayer, countChanges, pathsWithin } from '../changes/bottle-layer.ts'
import { countInWords, letterOf, pathInWords, withoutFolders } from '../changes/change-words.ts'
import { confirm } from '../confirm.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { withProgress } from '../progress.ts'

interface DiscardOptions {
  readonly yes?: boolean
  readonly home?: boolean
  readonly json?: boolean
}

export function discardCommand(context: CliContext): Command {
  return new Command('discard')
    .description(
      'Takes back what a bottle changed in its workspace: there it is again as in your directory, which is not touched. ' +
        'What is discarded is gone.',
    )
    .argument('<id>', 'id of the bottle (see: bot-bottle ps --all)')
    .argument('[paths...]', 'only what was changed at and below these')
    .option('-y, --yes', 'do not ask')
    .option('--home', "what was changed in the bottle's home instead")
    .option('--json', 'print what was done as JSON (see docs/json.md); needs --yes')
    .addHelpText(
      'after',
      '\nExamples:\n  bot-bottle discard claude-x1y2\n  bot-bottle discard claude-x1y2 src/index.ts\n',
    )
    .action(async (id: string, paths: readonly string[], options: DiscardOptions) => {
      const stack = await bottleLayer(context, id, options.home ? 'home' : 'workspace')
      const changes = await allChanges(stack)
      const chosen = changesAt(changes, pathsWithin(paths, stack))
      const shown = withoutFolders(chosen)
      if (!options.json) {
        for (const change of shown) context.print(`${letterOf(change)}  ${pathInWords(change)}`)
        if (shown.length === 0) return context.tell('there is nothing to discard')
      }
      const question = `Discard ${countInWords(shown.length, 'change')} of ${id}?`
      if (!options.yes && !(await confirm(question))) return context.tell('nothing was discarded')
      const wanted = new Set(chosen.map(({ path }) => path))
      const discarded = await withProgress('discarding', () => discardChanges(stack, ({ path }) => wanted.has(path)))
      if (!options.home) await countChanges(stack)
      if (options.json) context.print(inertJson({ discarded: discarded.map(({ path }) => path) }))
      else context.tell(`${countInWords(shown.length, 'change')} of ${id} discarded`)
    })
}
