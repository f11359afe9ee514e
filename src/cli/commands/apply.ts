import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { BottleError } from '../../core/errors.ts'
import { applyChanges } from '../../sandbox/layers/apply-changes.ts'
import type { Change } from '../../sandbox/layers/change.ts'
import type { LayerStack } from '../../sandbox/layers/layer-stack.ts'
import { changesToApply, type LeftOut } from '../../sandbox/layers/select-changes.ts'
import { allChanges, bottleLayer, countChanges, pathsWithin } from '../changes/bottle-layer.ts'
import { countInWords, letterOf, pathInWords, withoutFolders } from '../changes/change-words.ts'
import { confirm } from '../confirm.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { withProgress } from '../progress.ts'

interface ApplyOptions {
  readonly yes?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

const maxNamed = 10

export function applyCommand(context: CliContext): Command {
  return new Command('apply')
    .description(
      'Takes over into your directory what a bottle changed, after showing it. Files that programs of your host run or obey ' +
        'unasked (git hooks and configuration, editor and agent settings, .envrc) are left out unless named by their own path.',
    )
    .argument('<id>', 'id of the bottle (see: bot-bottle ps --all)')
    .argument('[paths...]', 'only what was changed at and below these')
    .option('-y, --yes', 'do not ask')
    .option('--force', 'also over what was changed in your directory since the bottle began')
    .option('--json', 'print what was done as JSON (see docs/json.md); needs --yes')
    .addHelpText('after', examples)
    .action(async (id: string, paths: readonly string[], options: ApplyOptions) => {
      const stack = await bottleLayer(context, id, 'workspace')
      const { taken, leftOut } = await selection(stack, paths)
      refuseConflicts(taken, { stack, options })
      const shown = withoutFolders(taken)
      const { originalPath } = stack
      if (!options.json) {
        for (const change of shown) context.print(`${letterOf(change)}  ${pathInWords(change)}`)
        tellLeftOut(context, leftOut)
        if (shown.length === 0) return context.tell(`there is nothing to apply to ${originalPath}`)
      }
      const question = `Apply ${countInWords(shown.length, 'change')} to ${originalPath}?`
      if (!options.yes && !(await confirm(question))) return context.tell('nothing was applied')
      const wanted = new Map(taken.map((change) => [change.path, JSON.stringify(change)]))
      const applied = await withProgress('applying', () =>
        applyChanges(stack, (change) => wanted.get(change.path) === JSON.stringify(change)),
      )
      await countChanges(stack)
      report(context, { options, stack, taken, applied, leftOut })
    })
}

async function selection(stack: LayerStack, paths: readonly string[]) {
  const changes = await allChanges(stack)
  const { originalPath } = stack
  const changed = new Set(changes.map(({ path }) => path))
  return changesToApply(changes, {
    paths: pathsWithin(paths, stack),
    originalPath,
    isRepository: (folder) => changed.has(`${folder}/HEAD`) || existsSync(join(originalPath, folder, 'HEAD')),
  })
}

function refuseConflicts(
  taken: readonly Change[],
  { stack, options }: { readonly stack: LayerStack; readonly options: ApplyOptions },
): void {
  const conflicts = taken.filter(({ isConflict }) => isConflict)
  if (conflicts.length === 0 || options.force) return
  const were = conflicts.length === 1 ? 'was' : 'were'
  throw new BottleError(
    'conflict',
    `${namesOf(conflicts)} ${were} changed in ${stack.originalPath} since the bottle began`,
    { hint: 'Nothing was applied. Name other paths, or give --force to put what the bottle has in their place.' },
  )
}

function tellLeftOut(context: CliContext, leftOut: readonly LeftOut[]): void {
  if (leftOut.length === 0) return
  const told = leftOut.slice(0, maxNamed).map(({ change, reason }) => `${change.path} (${reason})`)
  const more = leftOut.length > maxNamed ? `, and ${leftOut.length - maxNamed} more` : ''
  context.tell(
    `left out: ${told.join(', ')}${more}. Look at them with bot-bottle diff; name one by its path to apply it.`,
  )
}

interface Applied {
  readonly options: ApplyOptions
  readonly stack: LayerStack
  readonly taken: readonly Change[]
  readonly applied: readonly Change[]
  readonly leftOut: readonly LeftOut[]
}

/** What was not as it was shown when its turn came is not applied: a failure, since it was asked for. */
function report(context: CliContext, { options, stack, taken, applied, leftOut }: Applied): void {
  const done = new Set(applied.map(({ path }) => path))
  const missed = taken.filter(({ path }) => !done.has(path))
  if (options.json) {
    context.print(
      inertJson({
        applied: applied.map(({ path }) => path),
        changedMeanwhile: missed.map(({ path }) => path),
        leftOut: leftOut.map(({ change: { path }, reason }) => ({ path, reason })),
      }),
    )
  } else context.tell(`${countInWords(withoutFolders(applied).length, 'change')} applied to ${stack.originalPath}`)
  if (missed.length === 0) return
  context.tell(`not applied, since the bottle changed it meanwhile: ${namesOf(missed)}`)
  context.exit(1)
}

function namesOf(changes: readonly Change[]): string {
  const names = changes.slice(0, maxNamed).map(({ path }) => path)
  return names.join(', ') + (changes.length > maxNamed ? ` and ${changes.length - maxNamed} more` : '')
}

const examples = `
Examples:
  bot-bottle apply claude-x1y2
  bot-bottle apply claude-x1y2 src test/index.test.ts --yes
  bot-bottle apply claude-x1y2 .vscode/settings.json
`
