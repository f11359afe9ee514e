/** Opens the ledger that the settings choose: this host's own, or this host's part of one that many share. */
import { BottleError, messageOf } from '../core/errors.ts'
import type { SharedLedger } from '../core/manifest/ledger-notation.ts'
import { readSecretSource } from '../core/routing/secret-source.ts'
import { readSecret } from '../host/secrets/credential.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { openPostgresLedger } from '../ledger/postgres/postgres-ledger.ts'
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts'

export interface OpenLedgerOptions {
  readonly shared: SharedLedger | null
  readonly path: string
  readonly owner: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Other hosts spent, gave back, or changed what operators set. */
  onOthers(what: 'counters' | 'budgets'): void
  onNotice(sentence: string): void
}

export async function openLedger(options: OpenLedgerOptions): Promise<Ledger> {
  const { shared, path, owner, environment, onOthers, onNotice } = options
  if (shared === null) return openSqliteLedger({ path, owner })
  return openPostgresLedger({
    path,
    owner,
    url: await sharedLedgerUrl(shared, environment),
    onChange(change) {
      if (change.kind === 'lost') onNotice(messageOf(change.error))
      else if (change.kind === 'found') onNotice('the shared ledger can be reached again')
      else onOthers(change.kind)
    },
  })
}

/** With the password that its source says. Throws `credential_missing`. */
export async function sharedLedgerUrl(
  { url, password }: SharedLedger,
  environment: OpenLedgerOptions['environment'],
): Promise<string> {
  if (password === null) return url
  const source = readSecretSource(password)
  try {
    if (source.kind === 'invalid') throw new Error(`its source ${source.why}`)
    const complete = new URL(url)
    complete.searchParams.set('password', (await readSecret(source, environment)).trim())
    return complete.href
  } catch (cause) {
    throw new BottleError('credential_missing', `the password of the shared ledger is missing: ${messageOf(cause)}`, {
      hint: 'It is where "ledger" in settings.yml says; a controller is given PG… and BOT_BOTTLE_… variables.',
      cause,
    })
  }
}
