/** What a name on the command line stands for: an agent in its bottle, or a bottle definition. */
import { didYouMean } from '../core/did-you-mean.ts'
import { BottleError } from '../core/errors.ts'
import type { AgentDefinition, EffectiveBottle } from '../core/manifest/definition.ts'
import { forAgent } from '../core/manifest/for-agent.ts'
import { loadAgent, loadBottle } from '../host/manifests/load.ts'
import {
  type DefinitionKind,
  ignoredBottlesNotice,
  listDefinitions,
  type ManifestPlaces,
  refuseStaleConfiguration,
} from '../host/manifests/places.ts'
import type { CliContext } from './context.ts'

export interface EffectiveDefinition {
  readonly agent?: AgentDefinition
  /** Absent for an agent that names no bottle. */
  readonly bottle?: EffectiveBottle
}

/** `bottles`: the agent in these, in place of its own. Throws BottleError `not_found` and `manifest_invalid`. */
export async function effectiveDefinition(
  context: CliContext,
  name: string,
  bottles?: readonly string[],
): Promise<EffectiveDefinition> {
  const places = placesOf(context)
  await refuseStaleConfiguration(places)
  const notice = await ignoredBottlesNotice(places)
  if (notice !== undefined) context.tell(notice)
  const isAgent = await isListed('agents', name, places)
  if (!isAgent && !bottles && !(await isListed('bottles', name, places))) {
    const known = await Promise.all([listDefinitions('agents', places), listDefinitions('bottles', places)])
    const meant = didYouMean(
      name,
      known.flat().map((definition) => definition.name),
    )
    throw new BottleError('not_found', `there is no agent and no bottle named "${name}"`, {
      hint: meant === undefined ? 'bot-bottle agents and bot-bottle bottles list them.' : `Did you mean "${meant}"?`,
    })
  }
  const agent = isAgent || bottles ? await loadAgent(name, places) : undefined
  const names = bottles ?? (agent ? (agent.bottle ? [agent.bottle.value] : []) : [name])
  const namedAt = bottles ? undefined : agent?.bottle?.origin
  const merged = names.length === 0 ? undefined : await loadBottle(names, places, namedAt)
  const bottle = merged && agent ? forAgent(merged, agent) : merged
  return { ...(agent && { agent }), ...(bottle && { bottle }) }
}

export async function isDefinition(context: CliContext, name: string): Promise<boolean> {
  const places = placesOf(context)
  return (await isListed('agents', name, places)) || (await isListed('bottles', name, places))
}

function placesOf({ home, cwd }: CliContext): ManifestPlaces {
  return { home, projectPath: cwd }
}

async function isListed(kind: DefinitionKind, name: string, places: ManifestPlaces): Promise<boolean> {
  return (await listDefinitions(kind, places)).some((listed) => listed.name === name)
}
