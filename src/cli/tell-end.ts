/** What is left of a bottle whose program has ended. */
import type { ControllerClient } from '../controller/client.ts'
import { messageOf } from '../core/errors.ts'
import { tellChanges } from './changes/tell-changes.ts'
import type { CliContext } from './context.ts'

/** Never rejects. */
export async function tellEnd(
  context: Pick<CliContext, 'home' | 'tell'>,
  client: ControllerClient,
  id: string,
): Promise<void> {
  if (await isFrozen(client, id)) return context.tell(`${id} is frozen; it goes on with: bot-bottle resume ${id}`)
  await tellChanges(context, id).catch((error: unknown) =>
    context.tell(`what was changed cannot be told: ${messageOf(error)}`),
  )
}

/** Not where nobody can say. */
function isFrozen(client: ControllerClient, id: string): Promise<boolean> {
  return client.bottle(id).then(
    ({ state }) => state === 'frozen',
    () => false,
  )
}
