/**
 * What lives on this host, for completion: definitions, and bottles as the controller tells them. No controller is started, none is
 * waited for long, and what cannot be told is left out: whoever presses a key wants no error.
 */
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BottleView } from '../../controller/api.ts'
import { createClient } from '../../controller/client.ts'
import type { DefinitionKind } from '../../host/manifests/places.ts'
import { hostPaths } from '../../host/paths.ts'
import type { CliContext } from '../context.ts'
import { ageInWords } from '../time.ts'
import type { ValueKind } from './value-kinds.ts'
import type { Proposal } from './wanted.ts'

/** It answers in a few; one that does not must not hold up whoever types. */
const patienceMs = 1_000

export async function liveValues(kind: ValueKind, context: CliContext): Promise<readonly Proposal[]> {
  switch (kind) {
    case 'agents':
      return definitions('agents', context)
    case 'definitions':
      return definitions('bottles', context)
    case 'agents and definitions':
      return withoutRepeats([...(await definitions('agents', context)), ...(await definitions('bottles', context))])
    case 'what has routes':
      return [...(await liveValues('agents and definitions', context)), ...(await bottles(context, isLiving))]
    case 'living bottles':
      return bottles(context, isLiving)
    case 'open bottles':
      return bottles(context, ({ state }) => state === 'starting' || state === 'running')
    case 'cut bottles':
      return bottles(context, ({ state }) => state === 'cut')
    case 'frozen bottles':
      return bottles(context, ({ state }) => state === 'frozen')
    case 'listed bottles':
      return bottles(context, () => true)
    case 'all bottles':
      return bottles(context, () => true, { all: true })
    case 'kept workspaces':
      return keptWorkspaces(context)
    case 'scopes':
      return scopes(context)
    case 'providers':
      return providers('')
    case 'budgets':
      return providers('=')
    case 'variables':
      return Object.keys(context.env).map((value) => ({ value, description: '' }))
    case 'times':
      return times
    case 'files':
    case 'programs':
      return []
  }
}

const times: readonly Proposal[] = [
  { value: '1h', description: 'an hour ago' },
  { value: '24h', description: 'a day ago' },
  { value: '7d', description: 'a week ago' },
  { value: '30d', description: '30 days ago' },
]

async function definitions(kind: DefinitionKind, { home, cwd }: CliContext): Promise<readonly Proposal[]> {
  // They take as long to load as all the rest, and most presses need none of them.
  const { listDefinitions } = await import('../../host/manifests/places.ts')
  const listed = await listDefinitions(kind, { home, projectPath: cwd })
  return listed.map(({ name, shown }) => ({ value: name, description: shown }))
}

function withoutRepeats(proposals: readonly Proposal[]): readonly Proposal[] {
  return [...new Map(proposals.map((one) => [one.value, one])).values()]
}

async function bottles(
  { home, nowMs }: CliContext,
  isWanted: (bottle: BottleView) => boolean,
  filter: { readonly all?: boolean } = {},
): Promise<readonly Proposal[]> {
  const client = createClient(hostPaths(home).socketPath, patienceMs)
  const views = await client.bottles(filter).catch(() => [])
  return views.filter(isWanted).map(({ id, agent, state, createdAtMs }) => ({
    value: id,
    description: `${agent}, ${state}, ${ageInWords(nowMs() - createdAtMs)}`,
  }))
}

function isLiving({ state }: BottleView): boolean {
  return state === 'starting' || state === 'running' || state === 'cut'
}

/** On the disk: they are there without a controller too. */
async function keptWorkspaces({ home }: CliContext): Promise<readonly Proposal[]> {
  const { instancesPath } = hostPaths(home)
  const ids = await readdir(instancesPath).catch(() => [])
  const isKept = await Promise.all(
    ids.map((id) =>
      access(join(instancesPath, id, 'layers/workspace')).then(
        () => true,
        () => false,
      ),
    ),
  )
  return ids.filter((_, index) => isKept[index]).map((value) => ({ value, description: '' }))
}

async function scopes(context: CliContext): Promise<readonly Proposal[]> {
  const under = (name: string, proposals: readonly Proposal[]) =>
    proposals.map(({ value, description }) => ({ value: `${name}:${value}`, description }))
  return [
    { value: 'host', description: 'all bottles of this host' },
    ...under('run', await bottles(context, isLiving)),
    ...under('agent', await definitions('agents', context)),
    ...under('bottle', await definitions('bottles', context)),
  ]
}

async function providers(end: string): Promise<readonly Proposal[]> {
  const { builtInProviders } = await import('../../core/provider/providers.ts')
  return builtInProviders.map(({ name }) => ({ value: `${name}${end}`, description: '' }))
}
