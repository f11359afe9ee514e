/** What is left of a bottle whose program has ended. */
import type { BottleView } from '../controller/api.ts'
import type { ControllerClient } from '../controller/client.ts'
import { messageOf } from '../core/errors.ts'
import { tellChanges } from './changes/tell-changes.ts'
import type { CliContext } from './context.ts'

/** Resolves to what the bottle is now, where somebody can say. Never rejects. */
export async function tellEnd(
  context: Pick<CliContext, 'home' | 'tell'>,
  client: ControllerClient,
  id: string,
): Promise<BottleView | undefined> {
  const view = await client.bottle(id).catch(() => undefined)
  if (view?.state === 'frozen') context.tell(`${id} is frozen; it goes on with: bot-bottle resume ${id}`)
  else
    await tellChanges(context, id).catch((error: unknown) =>
      context.tell(`what was changed cannot be told: ${messageOf(error)}`),
    )
  return view
}
