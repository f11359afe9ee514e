/** What the main thread and the ledger's worker say to each other. Everything is structured-clone data. */
import { BottleError, type BottleErrorCode, messageOf } from '../../core/errors.ts'
import type { CounterMismatch } from '../ledger.ts'
import type { Operation } from './books.ts'
import type { JournalBooks } from './journal-books.ts'

export interface WorkerSettings {
  readonly path: string
  readonly owner: string
  readonly busyTimeoutMs: number
  readonly isShared: boolean
}

export type WorkerOperation = Operation | keyof JournalBooks

export type Call = readonly [id: number, operation: WorkerOperation, args: readonly unknown[]]
/** Calls are answered in the order in which they came; `close` is the last message. */
export type Request = readonly Call[] | 'close'

export interface Failure {
  /** null for what is not a BottleError: a bug. */
  readonly code: BottleErrorCode | null
  readonly message: string
  readonly hint: string | undefined
}

export type Answer =
  | readonly [id: number, isOk: true, value: unknown]
  | readonly [id: number, isOk: false, failure: Failure]

/** The first message of the worker; every later one is a list of answers. */
export type Opening = { readonly kind: 'opened' } | { readonly kind: 'refused'; readonly failure: Failure }

/** The one message of the thread that verifies. */
export type Verified =
  | { readonly kind: 'verified'; readonly mismatches: readonly CounterMismatch[] }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Error classes do not survive a structured clone; these two carry what matters across. */
export function failureOf(thrown: unknown): Failure {
  return thrown instanceof BottleError
    ? { code: thrown.code, message: thrown.message, hint: thrown.hint }
    : { code: null, message: messageOf(thrown), hint: undefined }
}

export function errorOf({ code, message, hint }: Failure): Error {
  if (code === null) return new Error(`ledger: ${message}`)
  return new BottleError(code, message, hint === undefined ? {} : { hint })
}
