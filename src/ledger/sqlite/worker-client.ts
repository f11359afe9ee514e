/**
 * The main thread's end of the ledger's worker.
 *
 * Fails closed (I9): when the worker dies, every pending and every later call rejects with `ledger_unusable`; so does a
 * call beyond the ceiling of calls in flight. The event loop is kept alive exactly while a call is unanswered.
 */
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { messageOf } from '../../core/errors.ts'
import { PendingCalls } from './pending-calls.ts'
import { type Answer, type Call, errorOf, type Opening, type WorkerOperation, type WorkerSettings } from './protocol.ts'
import { unusable } from './sqlite-errors.ts'

/** Unanswered calls; at 20 000 pairs a second this is 0.4 s of work. */
const maxCallsInFlight = 16_384
/** A worker that has not closed the database by then is ended by force; what it has acknowledged is durable. */
const closeTimeoutMs = 15_000

export interface WorkerClientOptions extends WorkerSettings {
  readonly maxCallsInFlight?: number
}

export async function startLedgerWorker(options: WorkerClientOptions): Promise<WorkerClient> {
  const { path, owner, busyTimeoutMs, isShared } = options
  const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(file, {
    name: 'ledger',
    workerData: { path, owner, busyTimeoutMs, isShared } satisfies WorkerSettings,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const [opening] = (await Promise.race([once(worker, 'message'), exitOf(worker, path)])) as [Opening]
  if (opening.kind === 'refused') {
    await worker.terminate()
    throw errorOf(opening.failure)
  }
  return new WorkerClient(worker, path, options.maxCallsInFlight ?? maxCallsInFlight)
}

async function exitOf(worker: Worker, path: string): Promise<never> {
  await once(worker, 'exit')
  throw unusable(`the ledger "${path}" could not be opened: its worker ended`, 'Run `bot-bottle doctor`.')
}

export class WorkerClient implements AsyncDisposable {
  readonly #worker: Worker
  readonly #path: string
  readonly #maxCallsInFlight: number
  readonly #pending = new PendingCalls()
  #outbox: Call[] = []
  #refusal: Error | undefined
  #closing: Promise<void> | undefined
  #idle = Promise.withResolvers<void>()
  readonly #exited = Promise.withResolvers<void>()

  constructor(worker: Worker, path: string, maxInFlight: number) {
    this.#worker = worker
    this.#path = path
    this.#maxCallsInFlight = maxInFlight
    worker.on('message', (answers: readonly Answer[]) => this.#settle(answers))
    worker.on('error', (error) => this.#die(error))
    worker.on('exit', () => {
      this.#exited.resolve()
      this.#die(new Error('its worker ended'))
    })
    worker.unref()
    this.#idle.resolve()
  }

  call(operation: WorkerOperation, args: readonly unknown[]): Promise<unknown> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (this.#pending.size >= this.#maxCallsInFlight) {
      return Promise.reject(
        unusable(
          `the ledger "${this.#path}" has ${this.#pending.size} calls waiting and takes no more`,
          'Try again when the disk is less busy.',
        ),
      )
    }
    if (this.#pending.size === 0) {
      this.#worker.ref()
      this.#idle = Promise.withResolvers()
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const id = this.#pending.add({ resolve, reject })
    // Calls of one tick travel as one message; nextTick runs once the promises of the tick have all had their turn.
    if (this.#outbox.push([id, operation, args]) === 1) process.nextTick(() => this.#send())
    return promise
  }

  #send(): void {
    const calls = this.#outbox
    this.#outbox = []
    if (calls.length > 0 && this.#pending.size > 0) this.#worker.postMessage(calls)
  }

  #settle(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const call = this.#pending.take(answer[0])
      if (answer[1]) call?.resolve(answer[2])
      else call?.reject(errorOf(answer[2]))
    }
    if (this.#pending.size === 0) this.#rest()
  }

  #rest(): void {
    this.#worker.unref()
    this.#idle.resolve()
  }

  #die(cause: Error): void {
    this.#refusal ??= unusable(
      `the ledger "${this.#path}" stopped working: ${messageOf(cause)}`,
      'Restart the controller with `bot-bottle controller stop`; no acknowledged charge is lost.',
      cause,
    )
    for (const { reject } of this.#pending.takeAll()) reject(this.#refusal)
    this.#rest()
  }

  /** Answers what is in flight, copies the log into the database, closes it and ends the worker. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#refusal ??= unusable(`the ledger "${this.#path}" is closed`, 'Open it again.')
    await this.#idle.promise
    this.#worker.ref()
    this.#worker.postMessage('close')
    const deadline = setTimeout(() => void this.#worker.terminate(), closeTimeoutMs)
    await this.#exited.promise
    clearTimeout(deadline)
  }
}
