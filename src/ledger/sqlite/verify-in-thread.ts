import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { CounterMismatch } from '../ledger.ts'
import { errorOf, type Verified } from './protocol.ts'
import { unusable } from './sqlite-errors.ts'

/** Compares counters with events in a thread of its own, beside the one that writes. */
export async function verifyInThread(path: string, signal: AbortSignal): Promise<readonly CounterMismatch[]> {
  const file = new URL(`./verify-worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(file, { name: 'ledger-verify', workerData: { path } })
  const end = () => void worker.terminate()
  signal.addEventListener('abort', end)
  const ended = once(worker, 'exit').then((): [Verified] => {
    throw unusable(`the verification of the ledger "${path}" was broken off`, 'Run: bot-bottle ledger verify')
  })
  try {
    const [verified] = (await Promise.race([once(worker, 'message'), ended])) as [Verified]
    if (verified.kind === 'failed') throw errorOf(verified.failure)
    return verified.mismatches
  } finally {
    signal.removeEventListener('abort', end)
    ended.catch(() => {})
    await worker.terminate()
  }
}
