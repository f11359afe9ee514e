/**
 * What a controller that died left of a bottle, as enforcement sees it: so a cut that was interrupted is finished before anything
 * of the bottle is opened again. Its listeners died with that controller: nothing flows.
 */
import { join } from 'node:path'
import type { EnforcementTarget } from '../enforce/steps.ts'
import type { BottleRow, BottleState, Ledger } from '../ledger/ledger.ts'
import type { SandboxBackend, SandboxReference } from '../sandbox/sandbox.ts'
import { freezing, readFrozen } from './freezing.ts'
import { removeDirectory } from './instance-directory.ts'
import type { KeptHashes } from './kept-hashes.ts'
import { timeoutExitCode } from './live-bottle.ts'

export interface LeftBottleOptions {
  readonly ledger: Ledger
  readonly instancesPath: string
  readonly nowMs: () => number
  readonly keptHashes: Pick<KeptHashes, 'begin'>
  backendOf(reference: SandboxReference): SandboxBackend
}

export interface LeftBottle extends EnforcementTarget {
  /** Ends what is left of its processes and writes its last state; what it kept stays. */
  end(state: BottleState): Promise<void>
  /** For one whose resume was interrupted before its program could run. False where there is nothing frozen. */
  refreeze(): Promise<boolean>
}

export function leftBottle(row: BottleRow, options: LeftBottleOptions): LeftBottle {
  const { ledger, instancesPath, nowMs, keptHashes, backendOf } = options
  const directory = join(instancesPath, row.id)
  const isEnded = row.endedAtMs !== null
  const reference = referenceOf(row)
  const backend = reference && backendOf(reference)
  const setState = async (state: BottleState) => {
    if (!isEnded) await ledger.updateBottle(row.id, { state })
  }
  const end: LeftBottle['end'] = async (state) => {
    if (reference) await backend?.sweep(reference)
    if (!isEnded) await ledger.updateBottle(row.id, { state, endedAtMs: nowMs() })
  }
  const freeze = freezing({
    row,
    directory,
    pause: async () => reference && backend?.pause(reference),
    nowMs,
    endProcesses: async () => reference && backend?.sweep(reference),
    writeState: () => setState('frozen'),
    onSealed: () => keptHashes.begin(directory),
  })
  return {
    id: row.id,
    isCut: row.state === 'cut',
    isEnded,
    refuse: () => {},
    async close() {
      await setState('cut')
      return { endedExchanges: 0 }
    },
    reopen: () => setState('running'),
    async kill() {
      await end('killed')
      await removeDirectory(directory)
    },
    async timeOut() {
      await end('exited')
      await ledger.updateBottle(row.id, { exitCode: timeoutExitCode })
    },
    ...freeze,
    end,
    async refreeze() {
      const frozen = await readFrozen(directory)
      if (frozen) await setState('frozen')
      return frozen !== undefined
    },
  }
}

/** Empty while a bottle is starting: nothing of it ran yet. */
export function referenceOf({ reference }: BottleRow): SandboxReference | undefined {
  return reference === '' ? undefined : (JSON.parse(reference) as SandboxReference)
}
