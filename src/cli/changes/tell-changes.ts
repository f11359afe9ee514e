/** What `start` and `run` say of the layer over the workspace. */
import type { CliContext } from '../context.ts'
import { countChanges, findLayer } from './bottle-layer.ts'
import { countInWords } from './change-words.ts'

/** A copy was not asked for, and may have taken its time. */
export async function tellCopy(context: CliContext, id: string): Promise<void> {
  const form = (await findLayer(context.home, id, 'workspace'))?.form
  if (form?.kind !== 'copy' || form.because === null) return
  context.tell(`the workspace is a copy, since no overlay can be mounted over it: ${form.because}`)
}

/** Nothing where nothing was changed, or a kill has removed it already. */
export async function tellChanges(context: Pick<CliContext, 'home' | 'tell'>, id: string): Promise<void> {
  const stack = await findLayer(context.home, id, 'workspace')
  if (stack === undefined) return
  const { count, atLeast } = await countChanges(stack)
  if (count === 0) return
  context.tell(
    `${atLeast ? 'at least ' : ''}${countInWords(count, 'change')} in the workspace: ` +
      `bot-bottle diff ${id} shows, apply ${id} takes over, kill ${id} drops`,
  )
}
