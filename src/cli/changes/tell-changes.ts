/** What `start` and `run` say of the layer over the workspace. */
import type { Change } from '../../sandbox/layers/change.ts'
import type { CliContext } from '../context.ts'
import { changesIn, findLayer } from './bottle-layer.ts'
import { countInWords, withoutFolders } from './change-words.ts'

/** Nobody waits for more to be counted. */
const maxCounted = 10_000

/** A copy was not asked for, and may have taken its time. */
export async function tellCopy(context: CliContext, id: string): Promise<void> {
  const form = (await findLayer(context.home, id, 'workspace'))?.form
  if (form?.kind !== 'copy' || form.because === null) return
  context.tell(`the workspace is a copy, since no overlay can be mounted over it: ${form.because}`)
}

/** Nothing where nothing was changed, or a kill has removed it already. */
export async function tellChanges(context: CliContext, id: string): Promise<void> {
  const stack = await findLayer(context.home, id, 'workspace')
  if (stack === undefined) return
  const changes: Change[] = []
  for await (const { change } of changesIn(stack)) {
    changes.push(change)
    if (changes.length === maxCounted) break
  }
  const count = withoutFolders(changes).length
  if (count === 0) return
  const atLeast = changes.length === maxCounted ? 'at least ' : ''
  context.tell(
    `${atLeast}${countInWords(count, 'change')} in the workspace: bot-bottle diff ${id} shows, apply ${id} takes over, kill ${id} drops`,
  )
}
