/** The hosts that share a ledger, for who looks after them: nothing is joined, and no controller is needed. */
import { BottleError } from '../../core/errors.ts'
import { openDatabase } from './database.ts'
import { createShares, type HostRow } from './shares.ts'

export interface SharedHosts extends AsyncDisposable {
  /** For messages: no user and no password. */
  readonly name: string
  /** Those that joined first, first. None where no host ever used the database. */
  list(): Promise<readonly HostRow[]>
  /**
   * Frees what a host was granted and did not tell as spent. Throws `not_found` for one that never joined, `conflict` for one
   * that was there a moment ago: it would spend its grant all the same.
   */
  forget(hostId: string, nowMs: number): Promise<void>
}

/** A host that is there says so every second. */
const goneAfterMs = 60_000

/** Everything rejects with `ledger_unusable` when the database is away or refuses. */
export async function openSharedHosts(url: string): Promise<SharedHosts> {
  const database = await openDatabase(url)
  const shares = createShares(database, '')
  const list = async () => {
    const [found] = await database.query<{ table: string | null }>(`SELECT to_regclass('bot_bottle.host') AS table`)
    return found?.table ? shares.hosts() : []
  }
  return {
    name: database.name,
    list,

    async forget(hostId, nowMs) {
      const host = (await list()).find((one) => one.hostId === hostId)
      if (host === undefined) {
        throw new BottleError('not_found', `no host of the shared ledger ${database.name} has the id "${hostId}"`, {
          hint: 'List them with: bot-bottle ledger hosts',
        })
      }
      if (nowMs - host.seenAtMs < goneAfterMs) {
        throw new BottleError('conflict', `the host ${host.name} (${hostId}) was seen within the last minute`, {
          hint: 'A host that runs goes on to spend what it was granted: stop its controller, which gives that back itself.',
        })
      }
      await shares.forgetHost(hostId)
    },

    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}
