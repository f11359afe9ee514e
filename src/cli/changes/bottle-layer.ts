/** The layers of a bottle, as they lie on the disk: no controller is asked, so that they can be looked at without one. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { didYouMeanId } from '../../core/did-you-mean.ts'
import { BottleError } from '../../core/errors.ts'
import { hostPaths } from '../../host/paths.ts'
import { readAppliedTimes } from '../../sandbox/layers/applied-times.ts'
import type { Change } from '../../sandbox/layers/change.ts'
import { type LayerStack, readStack, type StackName, stackDirectory } from '../../sandbox/layers/layer-stack.ts'
import { type FoundChange, listChanges } from '../../sandbox/layers/list-changes.ts'
import type { CliContext } from '../context.ts'
import { instancePath } from '../instance-path.ts'
import { withProgress } from '../progress.ts'
import { withoutFolders } from './change-words.ts'

/** Throws BottleError `not_found` for a bottle without. */
export async function bottleLayer({ home }: CliContext, id: string, name: StackName): Promise<LayerStack> {
  const stack = await findLayer(home, id, name)
  if (stack !== undefined) return stack
  const ids = await readdir(hostPaths(home).instancesPath).catch((): string[] => [])
  const meant = ids.includes(id) ? undefined : didYouMeanId(id, ids)
  throw new BottleError('not_found', `bottle "${id}" has no layer over its ${name}`, {
    hint:
      meant === undefined
        ? 'It was killed, or worked on the directory itself, or there is none of that id: bot-bottle ps --all'
        : `Did you mean ${meant}?`,
  })
}

export async function findLayer(home: string, id: string, name: StackName): Promise<LayerStack | undefined> {
  return readStack(stackDirectory(instancePath(home, id), name))
}

const countFile = 'count'

/** Nobody waits for more to be counted. */
const maxCounted = 10_000

/** How many changes there are now; kept for `ps`. */
export async function countChanges(stack: LayerStack): Promise<{ readonly count: number; readonly atLeast: boolean }> {
  const changes: Change[] = []
  for await (const { change } of changesIn(stack)) {
    changes.push(change)
    if (changes.length === maxCounted) break
  }
  const count = withoutFolders(changes).length
  await writeFile(join(stack.directory, countFile), String(count), { mode: 0o600 })
  return { count, atLeast: changes.length === maxCounted }
}

/** What was counted last; 0 where nobody has, or nothing is kept. */
export async function rememberedCount(home: string, id: string): Promise<number> {
  const file = join(stackDirectory(instancePath(home, id), 'workspace'), countFile)
  return Number(await readFile(file, 'utf8').catch(() => '0'))
}

/** All of them, with a word to whoever waits. */
export function allChanges(stack: LayerStack): Promise<readonly Change[]> {
  return withProgress('looking for changes', async (progress) => {
    const changes: Change[] = []
    for await (const { change } of changesIn(stack)) {
      changes.push(change)
      if (changes.length % 1_000 === 0) progress.say(`looking for changes: ${changes.length}`)
    }
    return changes
  })
}

export async function* changesIn(stack: LayerStack): AsyncGenerator<FoundChange> {
  yield* listChanges(stack, { applied: await readAppliedTimes(stack.directory) })
}

/** Paths as the commands print them: relative to the directory. Throws BottleError `usage` for one outside. */
export function pathsWithin(paths: readonly string[], { originalPath }: LayerStack): readonly string[] {
  return paths.map((given) => {
    const inside = given.startsWith(`${originalPath}/`) ? given.slice(originalPath.length + 1) : given
    const parts = inside.split('/').filter((part) => part !== '' && part !== '.')
    if (!inside.startsWith('/') && !parts.includes('..') && parts.length > 0) return parts.join('/')
    throw new BottleError('usage', `${given} is not a path inside of ${originalPath}`, {
      hint: 'Paths are relative to that directory, as `bot-bottle diff ID --name-status` shows them.',
    })
  })
}
