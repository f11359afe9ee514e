/**
 * The hold of one exchange, a little ahead of what it was seen to use. Room is asked for in the ledger, which alone decides;
 * what the ledger refuses is not used. When the ledger cannot answer, the caller's promise rejects and nothing passes (I9).
 */
import type { Counter } from '../core/budget/scope.ts'
import type { Denial, Ledger, ReserveOutcome, ReserveRequest, SettleOutcome, SettleRequest } from '../ledger/ledger.ts'
import { ledgerAnswer } from './ledger-answer.ts'
import { proxyLimits } from './limits.ts'
import type { RoomBell } from './room-bell.ts'

export type Opening =
  | { readonly kind: 'opened'; readonly lease: Lease }
  | { readonly kind: 'denied'; readonly reason: Denial['reason']; readonly counter: Counter }

export interface LeaseOptions {
  readonly ledger: Ledger
  readonly bell: RoomBell
  readonly request: ReserveRequest
  /** How much more is asked for at a time, ahead of need. */
  readonly chunkTokens: number
  /** Gives what ends the waiting (the client is gone, the bottle is cut); asked for only when there is a wait. */
  waitSignal(): AbortSignal
}

/**
 * Makes the durable reservation; waits a few seconds for room that others only hold, behind those who wait for it already.
 * At the end of its wait it asks once more, out of turn: nobody is denied while there is room.
 */
export async function openLease(options: LeaseOptions): Promise<Opening> {
  const { ledger, bell, request, waitSignal } = options
  const { governing } = request
  let place = bell.line.isAwaited(governing) ? bell.line.join(governing) : undefined
  let deadline: AbortSignal | undefined
  const waitEnd = () => AbortSignal.any([waitSignal(), AbortSignal.timeout(proxyLimits.pendingWaitMs)])
  try {
    for (;;) {
      if (place) {
        deadline ??= waitEnd()
        await place.turn(deadline)
      }
      const { rings } = bell
      const reserving = ledger.reserve(request)
      const outcome = await ledgerAnswer(reserving).catch((error: unknown) => {
        giveBackLate(ledger, reserving, request)
        throw error
      })
      if (outcome.kind === 'reserved') {
        return { kind: 'opened', lease: new Lease(options) }
      }
      if (outcome.reason === 'exhausted' || deadline?.aborted) {
        return { kind: 'denied', reason: outcome.reason, counter: outcome.counter }
      }
      place ??= bell.line.join(governing)
      deadline ??= waitEnd()
      await bell.rungSince(rings, deadline)
    }
  } finally {
    place?.leave()
  }
}

/** A reservation that comes after nobody waits for it any more is given back: nothing was sent. */
function giveBackLate(ledger: Ledger, reserving: Promise<ReserveOutcome>, request: LeaseOptions['request']): void {
  const { attemptId, model, nowMs } = request
  const unsent = { attemptId, usage: {}, chargeTokens: 0, source: 'unsent', model, ending: 'unsent', nowMs } as const
  // Where that fails too the reservation stays, and the next start charges it.
  reserving.then((late) => (late.kind === 'reserved' ? ledger.settle(unsent) : undefined)).catch(() => {})
}

/** `end`: there is no room for more. */
export type Extension = 'go' | 'end'

export class Lease {
  readonly attemptId: string
  readonly openedAtMs: number
  readonly #ledger: Ledger
  readonly #bell: RoomBell
  readonly #waitSignal: () => AbortSignal
  readonly #chunkTokens: number
  readonly #holdsRoom: boolean
  #heldTokens: number
  #observedTokens = 0
  #extension: Promise<Extension> | undefined
  #denial: Denial | undefined

  constructor({ ledger, bell, request, chunkTokens, waitSignal }: LeaseOptions) {
    this.attemptId = request.attemptId
    this.openedAtMs = request.nowMs
    this.#ledger = ledger
    this.#bell = bell
    this.#waitSignal = waitSignal
    this.#chunkTokens = chunkTokens
    this.#heldTokens = request.holdTokens
    this.#holdsRoom = request.holdsRoom
  }

  /** What budgets have less room by, until it is settled. */
  get heldTokens(): number {
    return this.#holdsRoom ? this.#heldTokens : 0
  }

  /** Why there was no room for more, once there was none. */
  get denial(): Denial | undefined {
    return this.#denial
  }

  /**
   * Tells what the exchange would be charged so far (tokens), and asks for more room ahead of need. A promise
   * comes back when the hold is used up: nothing more may pass before it says `go`.
   */
  observe(observedTokens: number): Promise<Extension> | undefined {
    this.#observedTokens = Math.max(this.#observedTokens, observedTokens)
    if (this.#observedTokens + this.#chunkTokens / 2 > this.#heldTokens) {
      // A ledger that fails gives no room (I9); nobody may be waiting yet to hear of it.
      this.#extension ??= this.#extend()
        .catch((): Extension => 'end')
        .finally(() => {
          this.#extension = undefined
        })
    }
    return this.#observedTokens >= this.#heldTokens ? this.#extension : undefined
  }

  settle(charge: Omit<SettleRequest, 'attemptId'>): Promise<SettleOutcome> {
    return this.#ledger.settle({ ...charge, attemptId: this.attemptId })
  }

  async #extend(): Promise<Extension> {
    let deadline: AbortSignal | undefined
    let wantedTokens = this.#observedTokens + this.#chunkTokens
    for (;;) {
      const { rings } = this.#bell
      const outcome = await ledgerAnswer(this.#ledger.extend(this.attemptId, wantedTokens))
      if (outcome.kind === 'gone') return 'end'
      if (outcome.kind === 'extended') {
        this.#heldTokens = wantedTokens
        if (this.#observedTokens < this.#heldTokens) return 'go'
        wantedTokens = this.#observedTokens + this.#chunkTokens
        continue
      }
      // Less than a chunk is left: all of it, so that a budget is used to its last token.
      const roomTokens = roomIn(outcome.counter)
      if (roomTokens > 0) {
        wantedTokens = this.#heldTokens + roomTokens
        continue
      }
      // The chunk ahead does not fit where what was used does: the stream goes on until its hold is used up.
      if (this.#observedTokens < this.#heldTokens) return 'go'
      // Whether the room is spent or only held by others is asked for one token more, not for a whole chunk.
      const neededTokens = this.#observedTokens + 1
      if (wantedTokens > neededTokens) {
        wantedTokens = neededTokens
        continue
      }
      if (outcome.reason === 'exhausted' || deadline?.aborted) {
        this.#denial = outcome
        return 'end'
      }
      deadline ??= AbortSignal.any([this.#waitSignal(), AbortSignal.timeout(proxyLimits.extendWaitMs)])
      await this.#bell.rungSince(rings, deadline)
      wantedTokens = this.#observedTokens + 1
    }
  }
}

function roomIn({ limitTokens, settledTokens, reservedTokens }: Counter): number {
  return (limitTokens ?? Number.MAX_SAFE_INTEGER) - settledTokens - reservedTokens
}
