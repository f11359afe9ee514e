/** SQL of reservations. */
import type { DatabaseSync } from 'node:sqlite'
import type { CounterKey } from '../../core/budget/scope.ts'
import type { ReserveRequest } from '../ledger.ts'
import type { Chain, ChainStatements } from './chains.ts'

export interface Reservation {
  readonly attemptId: string
  readonly owner: string
  readonly bottleId: string
  readonly agent: string
  readonly provider: string
  readonly model: string | null
  readonly holdTokens: number
  readonly inputTokens: number
  readonly governing: readonly CounterKey[]
  readonly chain: Chain
  readonly chainId: number
  readonly reservedAtMs: number
}

type ReservationRow = Omit<Reservation, 'governing' | 'chain'> & { readonly governing: string; readonly chain: string }

const reservationColumns = `attempt_id AS attemptId, owner, bottle_id AS bottleId, agent, provider, model,
  hold_tokens AS holdTokens, input_tokens AS inputTokens, governing, chain_id AS chainId,
  (SELECT keys FROM chain WHERE chain.chain_id = reservation.chain_id) AS chain, reserved_at_ms AS reservedAtMs`

/** Governing keys repeat from exchange to exchange, as chains do. */
const maxParsedKeys = 1_024

export type ReservationStatements = ReturnType<typeof reservationStatements>

export function reservationStatements(db: DatabaseSync, { parse: parseChain }: Pick<ChainStatements, 'parse'>) {
  /** Nothing is inserted for an attempt that has its event already: its charge could never be recorded. */
  const insert = db.prepare(`
    INSERT INTO reservation (attempt_id, owner, bottle_id, agent, provider, model, hold_tokens, input_tokens,
      governing, chain_id, reserved_at_ms, updated_at_ms)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11
    WHERE NOT EXISTS (SELECT 1 FROM usage_event WHERE attempt_id = ?1)
      AND NOT EXISTS (SELECT 1 FROM rolled_attempt WHERE attempt_id = ?1)`)
  const find = db.prepare(`SELECT ${reservationColumns} FROM reservation WHERE attempt_id = ?`)
  const grow = db.prepare('UPDATE reservation SET hold_tokens = ?, updated_at_ms = ? WHERE attempt_id = ?')
  const take = db.prepare(`DELETE FROM reservation WHERE attempt_id = ? RETURNING ${reservationColumns}`)
  const foreign = db.prepare(`
    SELECT attempt_id AS attemptId, hold_tokens AS holdTokens FROM reservation
    WHERE owner <> ? ORDER BY reserved_at_ms, attempt_id`)

  const parsed = new Map<string, readonly CounterKey[]>()
  const parse = (json: string): readonly CounterKey[] => {
    const known = parsed.get(json)
    if (known !== undefined) return known
    if (parsed.size >= maxParsedKeys) parsed.clear()
    const keys = keysFromJson(json)
    parsed.set(json, keys)
    return keys
  }
  const reservationOf = (row: ReservationRow | undefined): Reservation | undefined =>
    row && { ...row, governing: parse(row.governing), chain: parseChain(row.chain) }

  return {
    /** False when the attempt was settled before; throws when it is open. */
    insert: (request: ReserveRequest, owner: string, governing: readonly CounterKey[], chainId: number): boolean => {
      const { attemptId, bottleId, agent, provider, model, holdTokens, inputTokens, nowMs } = request
      const keys = keysToJson(governing)
      return (
        insert.run(attemptId, owner, bottleId, agent, provider, model, holdTokens, inputTokens, keys, chainId, nowMs)
          .changes === 1
      )
    },

    find: (attemptId: string) => reservationOf(find.get(attemptId) as ReservationRow | undefined),

    setHold: (attemptId: string, holdTokens: number, nowMs: number) => {
      grow.run(holdTokens, nowMs, attemptId)
    },

    /** Removes the reservation and returns it; undefined when it is not open. */
    take: (attemptId: string) => reservationOf(take.get(attemptId) as ReservationRow | undefined),

    heldByOthers: (owner: string) =>
      foreign.all(owner) as unknown as readonly Pick<Reservation, 'attemptId' | 'holdTokens'>[],
  }
}

function keysToJson(keys: readonly CounterKey[]): string {
  return JSON.stringify(keys.map(({ scope, provider, period }) => [scope, provider, period]))
}

function keysFromJson(json: string): readonly CounterKey[] {
  const keys = JSON.parse(json) as readonly (readonly [string, string, string])[]
  return keys.map(([scope, provider, period]) => ({ scope, provider, period }))
}
