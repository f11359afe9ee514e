/**
 * Hears what other hosts tell, on a connection of its own, and finds out whether the database is there: a connection that is
 * silent though asked is given up, and another one is tried, more and more rarely.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { CounterKey } from '../../core/budget/scope.ts'
import type { Database } from './database.ts'
import { channel } from './shares.ts'

const beatMs = 1_000
const minRetryMs = 200
const maxRetryMs = 5_000

export type Message =
  /** A host told what it was charged. */
  | { readonly kind: 'settled'; readonly host: string }
  /** A host gave something back. */
  | { readonly kind: 'room'; readonly host: string }
  /** A host needs what others do not use. */
  | { readonly kind: 'wanted'; readonly host: string; readonly counter: CounterKey }
  /** What operators set was changed. */
  | { readonly kind: 'budgets'; readonly host: string }

export interface ListeningOptions {
  readonly database: Pick<Database, 'connect'>
  onMessage(message: Message): void
  /** The database is there, again. It counts as lost when this rejects. */
  onFound(): Promise<void>
  onLost(error: unknown): void
  /** Now and then while it is there. It counts as lost when this rejects. */
  onBeat(): Promise<void>
}

/** Resolves when it listens for the first time; rejects when it cannot. */
export async function startListening(options: ListeningOptions): Promise<AsyncDisposable> {
  const ended = new AbortController()
  const first = await listen(options)
  const running = (async () => {
    let client: Client | undefined = first
    let retryMs = minRetryMs
    while (!ended.signal.aborted) {
      try {
        client ??= await listen(options)
        retryMs = minRetryMs
        await beat(client, options, ended.signal)
      } catch (error) {
        if (!ended.signal.aborted) options.onLost(error)
      }
      await end(client)
      client = undefined
      await sleep(retryMs, undefined, { signal: ended.signal, ref: false }).catch(() => {})
      retryMs = Math.min(retryMs * 2, maxRetryMs)
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      ended.abort()
      await running
    },
  }
}

async function listen({ database, onMessage, onFound }: ListeningOptions): Promise<Client> {
  const client = await database.connect()
  try {
    client.on('notification', ({ payload = '' }) => {
      const message = messageOf(payload)
      if (message) onMessage(message)
    })
    await client.query(`LISTEN ${channel}`)
    await onFound()
    return client
  } catch (error) {
    await end(client)
    throw error
  }
}

/** Until the connection is lost or the signal aborts. */
async function beat(client: Client, { onBeat }: ListeningOptions, signal: AbortSignal): Promise<void> {
  const gone = new AbortController()
  const closed = once(client, 'end', { signal: gone.signal }).then(
    () => 'closed' as const,
    () => 'closed' as const,
  )
  try {
    while (!signal.aborted) {
      const waited = sleep(beatMs, 'beat' as const, { signal, ref: false }).catch(() => 'closed' as const)
      if ((await Promise.race([waited, closed])) === 'closed') {
        if (signal.aborted) return
        throw new Error('Connection terminated')
      }
      await client.query('SELECT 1')
      await onBeat()
    }
  } finally {
    gone.abort()
  }
}

/** A connection that does not answer any more is not waited for. */
async function end(client: Client | undefined): Promise<void> {
  if (client === undefined) return
  await Promise.race([client.end().catch(() => {}), sleep(beatMs, undefined, { ref: false })])
}

/** Others may be of a later version, or no bot-bottle at all. */
function messageOf(payload: string): Message | undefined {
  try {
    return JSON.parse(payload) as Message
  } catch {
    return undefined
  }
}
