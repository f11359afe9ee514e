/**
 * What takes long over many files, in a thread of its own for each call: the controller serves its other bottles meanwhile. What a
 * function throws is thrown here, as the same kind of error. `signal` ends a hash at its next entry.
 */
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BottleError } from '../../core/errors.ts'
import type { LayerJob, LayerJobs, LayerOutcome } from './layer-worker.ts'

export async function inLayerThread<Job extends LayerJob>(
  job: Job,
  bottleDirectory: string,
  signal?: AbortSignal,
): Promise<Awaited<ReturnType<LayerJobs[Job]>>> {
  const file = new URL(`./layer-worker${extname(import.meta.url)}`, import.meta.url)
  // Ending the thread would leave rights lent.
  const stopped = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(file, { name: 'layers', workerData: { job, bottleDirectory, stopped } })
  const stop = () => void Atomics.store(stopped, 0, 1)
  signal?.addEventListener('abort', stop)
  const ended = once(worker, 'exit').then((): never => {
    throw new Error('the thread of the layers ended without an answer')
  })
  try {
    const [outcome] = (await Promise.race([once(worker, 'message'), ended])) as [LayerOutcome<Job>]
    if (outcome.kind === 'done') return outcome.result
    const { message, code, hint } = outcome
    throw code ? new BottleError(code, message, hint === undefined ? {} : { hint }) : new Error(message)
  } finally {
    signal?.removeEventListener('abort', stop)
    ended.catch(() => {})
    await worker.terminate()
  }
}
