import { Command } from 'commander'
import { contentsOf } from '../../sandbox/layers/change-content.ts'
import type { FoundChange } from '../../sandbox/layers/list-changes.ts'
import { changesAt } from '../../sandbox/layers/select-changes.ts'
import { allChanges, bottleLayer, changesIn, pathsWithin } from '../changes/bottle-layer.ts'
import { countInWords, letterOf, pathInWords, sizeInWords, withoutFolders } from '../changes/change-words.ts'
import { type DiffLine, diffLines, lineCounts } from '../changes/unified-diff.ts'
import { writeOut } from '../changes/write-out.ts'
import { coloured } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'

interface DiffOptions {
  readonly stat?: boolean
  readonly nameStatus?: boolean
  readonly home?: boolean
  readonly raw?: boolean
  readonly json?: boolean
}

/** Lines are counted in as much as this; the rest is told by size. */
const maxCountedBytes = 32 * 1024 * 1024

export function diffCommand(context: CliContext): Command {
  return new Command('diff')
    .description(
      'Shows what a bottle changed in its workspace, against your directory as it is now. Runs no program of the project: ' +
        'no git, no hook, no filter.',
    )
    .argument('<id>', 'id of the bottle (see: bot-bottle ps --all)')
    .argument('[paths...]', 'only what was changed at and below these')
    .option('--stat', 'how much was changed in each file')
    .option('--name-status', 'only what was added (A), modified (M), deleted (D) or became of another type (T)')
    .option('--home', "what was changed in the bottle's home instead")
    .option('--raw', 'lines as they are, for a patch: control characters too')
    .option('--json', 'print it as JSON (see docs/json.md)')
    .addHelpText('after', examples)
    .action(async (id: string, paths: readonly string[], options: DiffOptions) => {
      const stack = await bottleLayer(context, id, options.home ? 'home' : 'workspace')
      const wanted = pathsWithin(paths, stack)
      const changes = await allChanges(stack)
      const chosen = withoutFolders(changesAt(changes, wanted))
      if (options.json) {
        const { originalPath, form } = stack
        context.print(inertJson({ bottleId: id, originalPath, form: form.kind, changes: chosen }))
        return
      }
      if (options.nameStatus) {
        for (const change of chosen) context.print(`${letterOf(change)}  ${pathInWords(change)}`)
        return
      }
      const shown = new Set(chosen.map(({ path }) => path))
      const print = options.stat ? statPrinter(context) : diffPrinter(context, options)
      for await (const found of changesIn(stack)) if (shown.has(found.change.path)) await print(found)
      if (options.stat) context.print(countInWords(chosen.length, 'change'))
    })
}

function diffPrinter(context: CliContext, { raw = false }: DiffOptions): (found: FoundChange) => Promise<void> {
  const paint = context.isColoured ? painted : ({ text }: DiffLine) => text
  return async (found) => {
    const { change } = found
    const contents = change.obstacle === undefined ? await contentsOf(found) : nothing
    for (const line of diffLines({ change, ...contents }, { raw })) await writeOut(paint(line))
  }
}

const nothing = { before: { kind: 'none' }, after: { kind: 'none' } } as const
const colours = { head: 'bold', hunk: 'cyan', added: 'green', removed: 'red', same: undefined } as const

function painted({ kind, text }: DiffLine): string {
  const colour = colours[kind]
  return colour === undefined ? text : coloured(text, colour)
}

function statPrinter(context: CliContext): (found: FoundChange) => Promise<void> {
  let countedBytes = 0
  return async (found) => {
    const { change } = found
    const { before, after } = change
    const sizeBytes = (before?.sizeBytes ?? 0) + (after?.sizeBytes ?? 0)
    const mayCount = change.obstacle === undefined && countedBytes + sizeBytes <= maxCountedBytes
    if (mayCount) countedBytes += sizeBytes
    const counts = mayCount ? lineCounts({ change, ...(await contentsOf(found)) }) : undefined
    const sizes = `${before ? sizeInWords(before.sizeBytes) : '-'} -> ${after ? sizeInWords(after.sizeBytes) : '-'}`
    const amount = counts ? `+${counts.added} -${counts.removed}` : sizes
    context.print(`${letterOf(change)}  ${pathInWords(change)}  ${amount}`)
  }
}

const examples = `
Examples:
  bot-bottle diff claude-x1y2 | less
  bot-bottle diff claude-x1y2 --stat
  bot-bottle diff claude-x1y2 src/index.ts
`
