/** The thread of `layer-thread.ts`: does one thing, and answers once. */
import { parentPort, workerData } from 'node:worker_threads'
import { BottleError, type BottleErrorCode, messageOf } from '../../core/errors.ts'
import { checkSealed, hashSealed, sealLayers, snapshotLayers } from './snapshot.ts'

const jobs = { snapshotLayers, sealLayers, hashSealed, checkSealed } as const

export type LayerJobs = typeof jobs
export type LayerJob = keyof LayerJobs

export type LayerOutcome<Job extends LayerJob> =
  | { readonly kind: 'done'; readonly result: Awaited<ReturnType<LayerJobs[Job]>> }
  /** `code`: of a BottleError. */
  | { readonly kind: 'failed'; readonly message: string; readonly code?: BottleErrorCode; readonly hint?: string }

const { job, bottleDirectory, stopped } = workerData as {
  readonly job: LayerJob
  readonly bottleDirectory: string
  readonly stopped: Int32Array
}
const goOn = () => {
  if (Atomics.load(stopped, 0) === 1) throw new Error('nobody wants it any more')
}
try {
  parentPort?.postMessage({ kind: 'done', result: await jobs[job](bottleDirectory, goOn) })
} catch (error) {
  const { code, hint } = error instanceof BottleError ? error : {}
  parentPort?.postMessage({ kind: 'failed', message: messageOf(error), code, hint })
}
