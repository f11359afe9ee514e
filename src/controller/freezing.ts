/**
 * How a bottle is frozen, be it one that lives or one that a dead controller left half-way: stopped, kept, ended. What was kept is
 * in two files of its directory:
 *
 *     start.json            what was asked for at its start, without the user's environment (mode 0600)
 *     frozen.json           what was kept, for whoever resumes it or looks at it
 *     layers/sealed.json    of its files (`sandbox/layers/snapshot.ts`)
 *
 * **Invariant** Nothing is ended before what it wrote is durable (E05).
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BottleError, messageOf } from '../core/errors.ts'
import type { EnforcementTarget } from '../enforce/steps.ts'
import type { BottleRow } from '../ledger/ledger.ts'
import { inLayerThread } from '../sandbox/layers/layer-thread.ts'
import { forgetSealed, type LayerSnapshot, readSealed, writeSealed } from '../sandbox/layers/snapshot.ts'
import type { StartRequest } from './api.ts'
import { upgraded, type VersionedFile, versionOf } from './kept-versions.ts'

/** The user's environment is asked for again at each start. */
export type KeptStart = Omit<StartRequest, 'hostEnvironment' | 'terminalEnvironment'>

/** The shape of `frozen.json`. */
export interface Frozen {
  readonly version: number
  readonly id: string
  readonly agent: string
  readonly definitions: readonly string[]
  readonly frozenAtMs: number
  readonly command: readonly string[]
  /** Names of the variables that the user set for the program. */
  readonly environmentNames: readonly string[]
  /** Only where it was frozen by version 1: there is no `sealed.json`, and no stamp. */
  readonly olderLayers?: readonly Omit<LayerSnapshot, 'stamp'>[]
}

const startFile: VersionedFile = { name: 'start.json', steps: [] }
const frozenFile: VersionedFile = {
  name: 'frozen.json',
  // 2: what is known of the layers is beside them.
  steps: [({ layers, ...frozen }) => ({ ...frozen, olderLayers: layers })],
}

export async function keepStart(directory: string, request: StartRequest): Promise<void> {
  const { hostEnvironment: _, terminalEnvironment: __, ...kept } = request
  await writeDurably(join(directory, 'start.json'), { version: versionOf(startFile), ...kept })
}

/** Throws BottleError `conflict` for a bottle of a newer version. */
export async function readStart(directory: string): Promise<KeptStart> {
  const { version: _, ...kept } = await readKept(directory, startFile)
  return kept as unknown as KeptStart // written by `keepStart`
}

/** undefined for a bottle that is not frozen. Throws BottleError `conflict` for one of a newer version. */
export async function readFrozen(directory: string): Promise<Frozen | undefined> {
  const frozen = await readKept(directory, frozenFile).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return frozen as unknown as Frozen | undefined // written by `freezing`
}

async function readKept(directory: string, file: VersionedFile): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(join(directory, file.name), 'utf8')
  try {
    return upgraded(text, file)
  } catch (error) {
    throw new BottleError('conflict', `the bottle in ${directory} cannot be resumed: ${messageOf(error)}`, {
      ...(error instanceof BottleError && error.hint !== undefined && { hint: error.hint }),
      cause: error,
    })
  }
}

/** Throws BottleError `conflict` when what is there is not what was kept. */
export async function checkFrozen(directory: string): Promise<void> {
  const frozen = await readFrozen(directory)
  if (!frozen) throw new BottleError('conflict', `${directory} holds no frozen bottle`)
  const { olderLayers } = frozen
  if (olderLayers && !(await readSealed(directory))) {
    await writeSealed(
      directory,
      olderLayers.map((layer) => ({ ...layer, stamp: '' })),
    )
  }
  await inLayerThread('checkSealed', directory)
}

export async function forgetFrozen(directory: string): Promise<void> {
  await rm(join(directory, 'frozen.json'), { force: true })
  await forgetSealed(directory)
}

export interface FreezingOptions {
  readonly row: Pick<BottleRow, 'id' | 'agent' | 'definitions'>
  readonly directory: string
  readonly nowMs: () => number
  /** Stops every process. */
  pause(): Promise<unknown>
  endProcesses(): Promise<unknown>
  writeState(): Promise<void>
  /** It is frozen: what is in its files may be hashed, and nobody waits for that. */
  onSealed(): void
}

export function freezing(options: FreezingOptions): Pick<EnforcementTarget, 'pause' | 'snapshot' | 'seal'> {
  const { row, directory, nowMs, pause, endProcesses, writeState, onSealed } = options
  return {
    pause: async () => void (await pause()),

    async snapshot() {
      await pause()
      const { command, env } = await readStart(directory)
      const layers = await inLayerThread('snapshotLayers', directory)
      // Whoever woke it meanwhile would have changed what was kept.
      await pause()
      const { id, agent, definitions } = row
      await writeDurably(join(directory, 'frozen.json'), {
        ...{ version: versionOf(frozenFile), id, agent, definitions, frozenAtMs: nowMs(), command },
        environmentNames: Object.keys(env),
      } satisfies Frozen)
      return layers.map(inWords).join(', ')
    },

    async seal() {
      await endProcesses()
      await inLayerThread('sealLayers', directory)
      await writeState()
      onSealed()
    },
  }
}

function inWords({ name, entries, bytes }: LayerSnapshot): string {
  return `${name}: ${entries} entries, ${bytes} bytes`
}

async function writeDurably(path: string, content: object): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}
