/**
 * Takes up a bottle whose controller is gone, as it was: its plan, its certificate authority, its cut. Its program has seen refused
 * connections, and goes on.
 *
 * **Invariant** No listener is opened before it is known whether the bottle is cut.
 */
import { messageOf } from '../core/errors.ts'
import type { BottleRow, Ledger } from '../ledger/ledger.ts'
import { openCertificateAuthority } from '../proxy/certificate-authority.ts'
import type { EgressEvents } from '../proxy/egress.ts'
import { proxyLimits } from '../proxy/limits.ts'
import type { SandboxBackend, SandboxReference } from '../sandbox/sandbox.ts'
import { adoptCredentials, type BottleCredentials } from './credentials.ts'
import { instanceDirectory } from './instance-directory.ts'
import { type BottleServices, type LiveBottle, openLiveBottle } from './live-bottle.ts'

export interface Adoption {
  readonly row: BottleRow
  readonly reference: SandboxReference
  readonly backend: SandboxBackend
  /** The controller's own environment, for commands that print credentials. */
  readonly environment: Parameters<BottleCredentials['renew']>[0]
  readonly events: EgressEvents
}

export type AdoptionOutcome =
  | { readonly kind: 'adopted'; readonly bottle: LiveBottle }
  /** Nothing of it lives, or its backend takes none up. */
  | { readonly kind: 'gone' }
  /** It lives, and this controller cannot hold it. `because`: the end of a sentence. */
  | { readonly kind: 'unreadable'; readonly because: string }

/** The bind helper takes a tenth of a second; on a host that is that busy, one that hangs must not hold up the others. */
const listenersTimeoutMs = 10_000

export interface PreparedAdoption {
  /** Opens its listeners. */
  open(): Promise<AdoptionOutcome>
}

/** Puts its budgets in force: those of all bottles must be before the first has a way out. */
export async function prepareAdoption(adoption: Adoption, services: BottleServices): Promise<PreparedAdoption> {
  const { row, reference, backend, environment, events } = adoption
  const { ledger, nowMs, budgets, logins, secrets } = services
  if (!backend.contained) return { open: async () => ({ kind: 'gone' }) }
  const unreadable = (error: unknown) => ({ kind: 'unreadable', because: messageOf(error) }) as const
  try {
    const directory = instanceDirectory(services.instancesPath, row.id)
    const [plan, keys] = await Promise.all([directory.readPlan(), directory.readKeys()])
    const authority = await openCertificateAuthority(keys, { nowMs, maxLeaves: proxyLimits.maxLeaves })
    for (const { scope, budgets: defined } of plan.budgets) await budgets.define(scope, defined)
    // What an operator gave this run is in the ledger.
    await budgets.define({ kind: 'run', name: row.id }, [])
    const credentials = adoptCredentials(plan, { environment, logins, secrets, nowMs })
    const cutMessage = row.state === 'cut' ? await lastCutMessage(ledger, row.id) : undefined
    const open = async (): Promise<AdoptionOutcome> => {
      const sandbox = await backend.adopt(reference, AbortSignal.timeout(listenersTimeoutMs))
      if (!sandbox) return { kind: 'gone' }
      const parts = { row, plan, directory, sandbox, backend, authority, credentials, events, cutMessage }
      return { kind: 'adopted', bottle: openLiveBottle(parts, services) }
    }
    return { open: () => open().catch(unreadable) }
  } catch (error) {
    return { open: async () => unreadable(error) }
  }
}

const maxAuditEntries = 100

/** What clients were told by the cut that still holds. */
async function lastCutMessage(ledger: Ledger, bottleId: string): Promise<string> {
  const entries = await ledger.audit({ bottleId, limit: maxAuditEntries })
  const cut = entries.findLast(({ action, phase }) => phase === 'intent' && action !== 'restore')
  return `bot-bottle: ${cut?.detail ?? 'this bottle is cut off.'}`
}
