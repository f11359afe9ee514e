/** Reads one definition by its name: the nearest file that there is. */
import { lstat } from 'node:fs/promises'
import { messageOf } from '../../core/errors.ts'
import type { AgentDefinition, BottleFile, Problem } from '../../core/manifest/definition.ts'
import { parseAgentFile } from '../../core/manifest/parse-agent.ts'
import { parseBottleFile } from '../../core/manifest/parse-bottle.ts'
import { isMissing, readTextFile } from '../text-file.ts'
import { candidates, type ListedDefinition, type ManifestPlaces } from './places.ts'

export interface InvalidManifest {
  readonly kind: 'invalid'
  readonly problems: readonly Problem[]
}

export type FoundAgent = { readonly kind: 'agent'; readonly agent: AgentDefinition } | InvalidManifest
export type FoundBottle = { readonly kind: 'bottle'; readonly bottle: BottleFile } | InvalidManifest

const maxManifestBytes = 256 * 1024

export async function readBottle(name: string, places: ManifestPlaces): Promise<FoundBottle | undefined> {
  for (const file of await candidates('bottles', name, places)) {
    const found = await textOf(file)
    if (found === undefined) continue
    if (found.kind === 'invalid') return found
    return parseBottleFile(found.text, { name, file: file.shown })
  }
  return undefined
}

/** Every file of that name, nearest first: what a project's agent may spend is said by the user's file behind it. */
export async function readAgents(name: string, places: ManifestPlaces): Promise<readonly FoundAgent[]> {
  const read = (await candidates('agents', name, places)).map(async (file): Promise<FoundAgent | undefined> => {
    const found = await textOf(file)
    if (found === undefined || found.kind === 'invalid') return found
    return parseAgentFile(found.text, { name, file: file.shown })
  })
  return (await Promise.all(read)).filter((found) => found !== undefined)
}

async function textOf({
  path,
  shown,
  within,
}: ListedDefinition): Promise<{ readonly kind: 'text'; readonly text: string } | InvalidManifest | undefined> {
  const invalid = (message: string): InvalidManifest => ({
    kind: 'invalid',
    problems: [{ file: shown, line: 1, column: 1, message }],
  })
  try {
    const text = await readTextFile(path, { maxBytes: maxManifestBytes, ...(within && { within }) })
    return { kind: 'text', text }
  } catch (error) {
    if (!isMissing(error)) return invalid(messageOf(error))
    // Whoever made a link wants what it leads to, and not what is built in under its name.
    return (await isLink(path)) ? invalid(`${path} is a link to a file that does not exist`) : undefined
  }
}

function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}
