/**
 * Where definitions are: bottles only in the user's own home, agents there and in the project. A repository must not
 * widen its own sandbox, so bottles in a project are never read. Listing names reads no file.
 */
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BottleError } from '../../core/errors.ts'
import { builtInAgents, builtInBottles } from '../../core/manifest/built-ins.ts'
import { isDefinitionName } from '../../core/manifest/definition-name.ts'
import { isMissing } from '../text-file.ts'

export interface ManifestPlaces {
  /** `~/.bot-bottle`. */
  readonly home: string
  /** The directory that the command was given in; its `.bot-bottle/agents` count. */
  readonly projectPath: string | null
}

export type DefinitionKind = 'agents' | 'bottles'

/** A file that a name stands for. */
export interface ListedDefinition {
  readonly name: string
  readonly path: string
  /** As messages show it. */
  readonly shown: string
  /** The project that it is of: a link must not lead out of it. */
  readonly within?: string
}

export type KnownDefinition = ListedDefinition | { readonly name: string; readonly path: null; readonly shown: string }

/** A directory of definitions, nearest first. */
interface Place {
  readonly path: string
  readonly shown: string
  readonly within?: string
}

/** Every name once, the nearest of its places, in alphabetical order. */
export async function listDefinitions(
  kind: DefinitionKind,
  places: ManifestPlaces,
): Promise<readonly KnownDefinition[]> {
  const found = new Map<string, KnownDefinition>()
  for (const place of await placesOf(kind, places)) {
    for (const name of await namesIn(place.path)) {
      if (!found.has(name)) found.set(name, listed(place, name))
    }
  }
  const builtIns = kind === 'agents' ? builtInAgents : builtInBottles
  for (const name of builtIns.keys()) {
    if (!found.has(name)) found.set(name, { name, path: null, shown: 'built-in' })
  }
  return [...found.values()].sort((left, right) => (left.name < right.name ? -1 : 1))
}

/** The files that a name may be in, nearest first; whether they exist is for the reader to find. */
export async function candidates(
  kind: DefinitionKind,
  name: string,
  places: ManifestPlaces,
): Promise<readonly ListedDefinition[]> {
  // What is no name would lead to other files: `../settings`.
  if (!isDefinitionName(name)) return []
  return (await placesOf(kind, places)).map((place) => listed(place, name))
}

/** Files beside the definitions whose names cannot be names: `Web.md`, `my bottle.md`. */
export async function misnamedFiles(kind: DefinitionKind, places: ManifestPlaces): Promise<readonly string[]> {
  const found = await Promise.all(
    (await placesOf(kind, places)).map(async ({ path, shown }) =>
      (await filesIn(path)).filter((file) => !isDefinitionName(nameOf(file))).map((file) => `${shown}/${file}`),
    ),
  )
  return found.flat()
}

/** Bottles of a project, which are never read: told once, so that nobody believes in them. */
export async function ignoredBottlesNotice({ projectPath, home }: ManifestPlaces): Promise<string | undefined> {
  const directory = projectPath === null ? undefined : await projectDirectory(projectPath, home)
  if (directory === undefined) return undefined
  const files = await filesIn(join(directory, 'bottles'))
  if (files.length === 0) return undefined
  const named = files.slice(0, maxNamedFiles).map((file) => `.bot-bottle/bottles/${file}`)
  const more = files.length > maxNamedFiles ? ` and ${files.length - maxNamedFiles} more` : ''
  return `ignored: ${named.join(', ')}${more}. A project cannot define bottles, since it would widen its own sandbox; move what you trust to ${join(home, 'bottles')}`
}

const maxNamedFiles = 5

/** Throws BottleError for the single-file configuration of the predecessor, where nothing has replaced it. */
export async function refuseStaleConfiguration({ home, projectPath }: ManifestPlaces): Promise<void> {
  const stale = [{ file: join(dirname(home), staleFile), directory: home }]
  if (projectPath !== null)
    stale.push({ file: join(projectPath, staleFile), directory: join(projectPath, '.bot-bottle') })
  for (const { file, directory } of stale) {
    const isReplaced = (await exists(join(directory, 'bottles'))) || (await exists(join(directory, 'agents')))
    if (isReplaced || !(await exists(file))) continue
    throw new BottleError('manifest_invalid', `${file} is a configuration that is no longer read`, {
      hint: `Write each of its bottles to ${join(home, 'bottles')}/NAME.md and each agent to ${join(directory, 'agents')}/NAME.md (bot-bottle init makes a start), then remove the file.`,
    })
  }
}

const staleFile = 'bot-bottle.json'

async function placesOf(kind: DefinitionKind, { home, projectPath }: ManifestPlaces): Promise<readonly Place[]> {
  const own = { path: join(home, kind), shown: kind }
  if (projectPath === null || kind === 'bottles') return [own]
  const directory = await projectDirectory(projectPath, home)
  if (directory === undefined) return [own]
  return [{ path: join(directory, kind), shown: `./.bot-bottle/${kind}`, within: projectPath }, own]
}

/** Absent where the project is the directory of the user's own home, under whatever name it was reached. */
async function projectDirectory(projectPath: string, home: string): Promise<string | undefined> {
  const directory = join(projectPath, '.bot-bottle')
  const [itself, own] = await Promise.all([directory, home].map((path) => realpath(path).catch(() => path)))
  return itself === own ? undefined : directory
}

function listed({ path, shown, within }: Place, name: string): ListedDefinition {
  return { name, path: join(path, `${name}.md`), shown: `${shown}/${name}.md`, ...(within && { within }) }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await filesIn(directory)).map(nameOf).filter(isDefinitionName)
}

async function filesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((file) => file.endsWith('.md')).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function nameOf(file: string): string {
  return basename(file, '.md')
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
