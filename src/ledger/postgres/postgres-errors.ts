/** The one place that turns errors of PostgreSQL and of the way to it into sentences for the user. */
import { BottleError, messageOf } from '../../core/errors.ts'

/** Our own: the file of this host's ledger knows less than the host told before. */
export const oldCopyCode = 'BB001'

/** SQLSTATE codes, https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const sentences: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  '28P01': ['does not accept the password', 'Check the password of "ledger" in settings.yml.'],
  '28000': ['does not let this user in', 'Check the user of "ledger" in settings.yml, and pg_hba.conf of the server.'],
  '3D000': ['does not exist', 'Create the database, e.g. with: createdb NAME'],
  '42501': ['gives this user too few rights', 'Let the user create a schema there: GRANT CREATE ON DATABASE … TO …'],
  '25006': ['is read-only', 'Name the primary server, not a standby.'],
  '53100': ['has a full disk', 'Free some space on the server.'],
  '53300': ['has no connection free', 'Raise max_connections of the server; each host needs up to five.'],
  [oldCopyCode]: [
    "knows of charges of this host that the host's own file does not",
    'Put the newest copy of bot-bottle.db back, or move the file away: then the host joins as a new one.',
  ],
  '57P01': ['was shut down', 'Start the server.'],
  '57P02': ['was shut down', 'Start the server.'],
  '57P03': ['is starting up or shutting down', 'Wait until the server is ready.'],
}

/** Node's codes, and what `pg` says in words alone, when nothing or nobody answers. */
const unreachableCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EPIPE', 'ENOENT', 'EACCES'],
])
const unreachableWords = /timeout|terminat|not queryable|Connection ended|client was closed/i

/** Whether another try on another connection could go better. */
export function isUnreachable(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false
  const code = codeOf(thrown)
  if (code === undefined) return unreachableWords.test(thrown.message)
  return unreachableCodes.has(code) || /^(?:08|57P|53300)/.test(code)
}

/** The BottleError for what a database threw; anything else is a bug and stays what it is. */
export function sharedLedgerErrorOf(thrown: unknown, name: string): unknown {
  if (!(thrown instanceof Error) || thrown instanceof BottleError) return thrown
  const found = sentences[codeOf(thrown) ?? '']
  if (found) return unusable(`the shared ledger ${name} ${found[0]} (${messageOf(thrown)})`, found[1], thrown)
  if (isUnreachable(thrown)) return unreachable(name, thrown)
  return thrown
}

export function unreachable(name: string, cause: unknown): BottleError {
  return unusable(
    `the shared ledger ${name} cannot be reached (${messageOf(cause)})`,
    'This host spends what it was granted and no more, until the database answers.',
    cause,
  )
}

export function unusable(message: string, hint: string, cause?: unknown): BottleError {
  return new BottleError('ledger_unusable', message, { hint, cause })
}

function codeOf(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string') return error.code
  // Where every address of a name refused.
  const [first] = error instanceof AggregateError ? error.errors : []
  return first instanceof Error ? codeOf(first) : undefined
}
