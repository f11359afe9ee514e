/** `--restart on-failure`: a program that failed is started again in its bottle, each time after a longer wait, so many times. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ControllerClient } from '../../controller/client.ts'
import { BottleError } from '../../core/errors.ts'

export type RestartPolicy = 'never' | 'on-failure'

export const restartLimits = {
  maxRestarts: 10,
  firstWaitMs: 1_000,
  maxWaitMs: 60_000,
  /** Of a program that ran for so long, the restarts before are forgotten. */
  calmMs: 10 * 60_000,
}

export interface Restarts {
  /** Waits, and asks the controller. False when the program is not to be started again. Never rejects. */
  next(end: { readonly exitCode: number; readonly ranMs: number }): Promise<boolean>
}

export interface RestartOptions {
  readonly client: Pick<ControllerClient, 'restart'>
  readonly id: string
  readonly policy: RestartPolicy
  /** The bottle has ended, or we are to. */
  readonly over: AbortSignal
  readonly tell: (line: string) => void
}

export function createRestarts({ client, id, policy, over, tell }: RestartOptions, limits = restartLimits): Restarts {
  let restarts = 0
  return {
    async next({ exitCode, ranMs }) {
      if (policy === 'never' || exitCode === 0) return false
      if (ranMs >= limits.calmMs) restarts = 0
      if (restarts === limits.maxRestarts) {
        tell(`the program failed again (exit code ${exitCode}) after ${restarts} restarts: it is not started any more`)
        return false
      }
      const waitMs = Math.min(limits.firstWaitMs * 2 ** restarts, limits.maxWaitMs)
      restarts += 1
      while (await waited(waitMs, over)) {
        try {
          await client.restart(id, { exitCode, restarts })
          return !over.aborted
        } catch (error) {
          // Another controller may be on its way.
          if (!(error instanceof BottleError) || error.code !== 'controller_unreachable') return false
        }
      }
      return false
    },
  }
}

/** False when the signal came first. */
function waited(waitMs: number, signal: AbortSignal): Promise<boolean> {
  return delay(waitMs, true, { signal }).catch(() => false)
}
