/**
 * How a bottle is frozen, be it one that lives or one that a dead controller left half-way: stopped, kept, ended. What was kept is
 * in two files of its directory:
 *
 *     start.json    what was asked for at its start, without the user's environment (mode 0600)
 *     frozen.json   what was kept, for whoever resumes it or looks at it
 *
 * **Invariant** Nothing is ended before what it wrote is durable (E05).
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BottleError } from '../core/errors.ts'
import type { EnforcementTarget } from '../enforce/steps.ts'
import type { BottleRow } from '../ledger/ledger.ts'
import { checkSealed, type LayerSnapshot, sealLayers, snapshotLayers } from '../sandbox/layers/snapshot.ts'
import type { StartRequest } from './api.ts'

/** The user's environment is asked for again at each start. */
export type KeptStart = Omit<StartRequest, 'hostEnvironment' | 'terminalEnvironment'>

/** The shape of `frozen.json`. */
export interface Frozen {
  readonly version: 1
  readonly id: string
  readonly agent: string
  readonly definitions: readonly string[]
  readonly frozenAtMs: number
  readonly command: readonly string[]
  /** Names of the variables that the user set for the program. */
  readonly environmentNames: readonly string[]
  readonly layers: readonly LayerSnapshot[]
}

export async function keepStart(directory: string, request: StartRequest): Promise<void> {
  const { hostEnvironment: _, terminalEnvironment: __, ...kept } = request
  await writeDurably(join(directory, 'start.json'), { version: 1, ...kept })
}

/** Throws BottleError `conflict` for a bottle of another version. */
export async function readStart(directory: string): Promise<KeptStart> {
  const { version, ...kept } = JSON.parse(await readFile(join(directory, 'start.json'), 'utf8')) as KeptStart & {
    readonly version: number
  } // written by `keepStart`
  if (version === 1) return kept
  throw new BottleError('conflict', `${directory}/start.json is of version ${version}, and this one knows version 1`, {
    hint: 'Use the version of bot-bottle that froze it, or a newer one.',
  })
}

/** undefined for a bottle that is not frozen. */
export async function readFrozen(directory: string): Promise<Frozen | undefined> {
  const text = await readFile(join(directory, 'frozen.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as Frozen) // written by `freezing`
}

/** Throws BottleError `conflict` when what is there is not what was kept. */
export async function checkFrozen(directory: string): Promise<void> {
  const frozen = await readFrozen(directory)
  if (!frozen) throw new BottleError('conflict', `${directory} holds no frozen bottle`)
  await checkSealed(directory, frozen.layers)
}

export async function forgetFrozen(directory: string): Promise<void> {
  await rm(join(directory, 'frozen.json'), { force: true })
}

export interface FreezingOptions {
  readonly row: Pick<BottleRow, 'id' | 'agent' | 'definitions'>
  readonly directory: string
  readonly nowMs: () => number
  /** Stops every process. */
  pause(): Promise<unknown>
  endProcesses(): Promise<unknown>
  writeState(): Promise<void>
}

export function freezing(options: FreezingOptions): Pick<EnforcementTarget, 'pause' | 'snapshot' | 'seal'> {
  const { row, directory, nowMs, pause, endProcesses, writeState } = options
  return {
    pause: async () => void (await pause()),

    async snapshot() {
      await pause()
      const { command, env } = await readStart(directory)
      const layers = await snapshotLayers(directory)
      // Whoever woke it meanwhile would have changed what was hashed.
      await pause()
      const { id, agent, definitions } = row
      await writeDurably(join(directory, 'frozen.json'), {
        ...{ version: 1, id, agent, definitions, frozenAtMs: nowMs(), command },
        environmentNames: Object.keys(env),
        layers,
      } satisfies Frozen)
      return layers.map(inWords).join(', ')
    },

    async seal() {
      await endProcesses()
      await sealLayers(directory)
      await writeState()
    },
  }
}

function inWords({ name, entries, bytes, sha256 }: LayerSnapshot): string {
  return `${name}: ${entries} entries, ${bytes} bytes, SHA-256 ${sha256.slice(0, 12)}`
}

async function writeDurably(path: string, content: object): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}
