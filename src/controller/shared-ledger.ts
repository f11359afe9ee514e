/** The ledger that hosts share, as the settings name it: for commands that need no controller, and for `doctor`. */
import { BottleError, messageOf } from '../core/errors.ts'
import { builtInProviders } from '../core/provider/providers.ts'
import { readSettings, type Settings } from '../host/settings.ts'
import { openSharedHosts, type SharedHosts } from '../ledger/postgres/shared-hosts.ts'
import type { Finding } from '../sandbox/sandbox.ts'
import { sharedLedgerUrl } from './open-ledger.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Throws `usage` where the settings name none. */
export async function sharedHosts(home: string, environment: Environment): Promise<SharedHosts> {
  const { ledger } = await readSettings({ home, providers: builtInProviders.map(({ name }) => name) })
  if (ledger) return openSharedHosts(await sharedLedgerUrl(ledger, environment))
  throw new BottleError(
    'usage',
    'the ledger of this host is its own: settings.yml names no database that hosts share',
    {
      hint: 'docs/postgresql.md says how hosts share one.',
    },
  )
}

export async function examineSharedLedger(
  { ledger }: Pick<Settings, 'ledger'>,
  environment: Environment,
): Promise<readonly Finding[]> {
  if (ledger === null) return []
  const subject = 'shared ledger'
  try {
    await using shared = await openSharedHosts(await sharedLedgerUrl(ledger, environment))
    const { length } = await shared.list()
    return [{ subject, ok: true, found: `${shared.name}, ${length === 1 ? '1 host' : `${length} hosts`}` }]
  } catch (error) {
    const hint = error instanceof BottleError ? error.hint : undefined
    return [{ subject, ok: false, found: messageOf(error), ...(hint !== undefined && { hint }) }]
  }
}
