/**
 * The way to the shared database: a few connections that are opened when needed, and one sentence when there is none.
 *
 * Fails fast (I9): after a connection failed, calls are refused at once for a while, so that nobody waits for a database
 * that is known to be away. `pg` is loaded with the first database, since most controllers need none.
 */
import type { Client, ClientConfig, Pool, QueryResultRow } from 'pg'
import { isUnreachable, sharedLedgerErrorOf, unreachable } from './postgres-errors.ts'

const maxConnections = 4
const connectTimeoutMs = 3_000
/** A statement that takes longer has lost its connection. Below the proxy's patience with a ledger. */
const answerTimeoutMs = 4_000
/** Reports may read more. */
const reportTimeoutMs = 30_000
const minRestMs = 100
const maxRestMs = 2_000
const int8Oid = 20

export interface Database extends AsyncDisposable {
  /** For messages: no user and no password. */
  readonly name: string
  /** Rejects with `ledger_unusable` when the database is away or refuses. */
  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** The same with more patience. */
  report<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** Statements on one connection, all or none. */
  transaction(statements: (query: Database['query']) => Promise<void>): Promise<void>
  /** A connection of one's own, to listen on. */
  connect(): Promise<Client>
}

export async function openDatabase(url: string): Promise<Database> {
  const { default: pg } = await import('pg')
  const name = nameOf(url)
  const config: ClientConfig = {
    connectionString: url,
    application_name: 'bot-bottle',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: answerTimeoutMs,
    // A host that is cut off in the middle of a transaction must not hold others up.
    idle_in_transaction_session_timeout: 10_000,
    // Whatever the server's default: what others took while a statement waited for its lock must be seen.
    options: '-c default_transaction_isolation=read\\ committed',
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === int8Oid ? Number : pg.types.getTypeParser(oid, format)) },
  }
  const pool: Pool = new pg.Pool({ ...config, max: maxConnections })
  // A connection that breaks while it is idle is replaced with the next query.
  pool.on('error', () => {})
  const gate = createGate(name)

  return {
    name,
    query: (text, values = []) => gate(async () => (await pool.query(text, [...values])).rows),
    report: (text, values = []) =>
      gate(async () => {
        // Known to `pg`, not to its types.
        const query = { text, values: [...values], query_timeout: reportTimeoutMs }
        return (await pool.query(query)).rows
      }),
    transaction: (statements) =>
      gate(async () => {
        const client = await pool.connect()
        let failure: Error | undefined
        try {
          await client.query('BEGIN')
          await statements(async (text, values = []) => (await client.query(text, [...values])).rows)
          await client.query('COMMIT')
        } catch (error) {
          failure = error instanceof Error ? error : new Error(String(error))
          throw error
        } finally {
          // A connection that is closed has rolled back.
          client.release(failure)
        }
      }),
    connect: () =>
      gate(async () => {
        const client = new pg.Client(config)
        client.on('error', () => {})
        try {
          await client.connect()
        } catch (error) {
          await client.end().catch(() => {})
          throw error
        }
        return client
      }),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** Lets calls through, and for a while after one could not reach the database refuses the next ones at once. */
function createGate(name: string) {
  let restMs = minRestMs
  let closedUntilMs = 0
  let lastFailure: unknown
  return async <Result>(call: () => Promise<Result>): Promise<Result> => {
    if (performance.now() < closedUntilMs) throw unreachable(name, lastFailure)
    try {
      const result = await call()
      restMs = minRestMs
      return result
    } catch (error) {
      if (isUnreachable(error) && performance.now() >= closedUntilMs) {
        lastFailure = error
        closedUntilMs = performance.now() + restMs
        restMs = Math.min(restMs * 2, maxRestMs)
      }
      throw sharedLedgerErrorOf(error, name)
    }
  }
}

function nameOf(url: string): string {
  const { host, pathname, searchParams } = new URL(url)
  return `postgres://${host || (searchParams.get('host') ?? '')}${pathname}`
}
