import type { ControllerClient } from '../controller/client.ts'
import { messageOf } from '../core/errors.ts'
import { routesAsYaml } from '../core/manifest/learned-routes.ts'
import type { CliContext } from './context.ts'

/** At the end of a bottle that learned: what its definition would have to say. Never throws: the bottle's end is what counts. */
export async function tellLearned(context: CliContext, client: ControllerClient, id: string): Promise<void> {
  try {
    const routes = await client.learned(id)
    if (routes.length === 0) return context.tell('it asked for nothing that no route allows')
    context.tell(
      `it asked for what these lines of its definition would allow (again: bot-bottle routes learned ${id}):`,
    )
    for (const line of routesAsYaml(routes).trimEnd().split('\n')) context.tell(line)
  } catch (error) {
    context.tell(`what it asked for cannot be told: ${messageOf(error)}`)
  }
}
