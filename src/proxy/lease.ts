/**
 * The hold of one exchange, a little ahead of what it was seen to use. Room is asked for in the ledger, which alone decides;
 * what the ledger refuses is not used. When the ledger cannot answer, the caller's promise rejects and nothing passes (I9).
 */
import type { Counter } from '../core/budget/scope.ts'
import type { Denial, Ledger, ReserveRequest, SettleOutcome, SettleRequest } from '../ledger/ledger.ts'
import { leaseChunkTokens, proxyLimits } from './limits.ts'
import type { RoomBell } from './room-bell.ts'

export type Opening =
  | { readonly kind: 'opened'; readonly lease: Lease }
  | { readonly kind: 'denied'; readonly reason: Denial['reason']; readonly counter: Counter }

export interface LeaseOptions {
  readonly ledger: Ledger
  readonly bell: RoomBell
  readonly request: Omit<ReserveRequest, 'holdTokens'>
  /** Ends the waiting: the client is gone, or the bottle is cut. */
  readonly signal: AbortSignal
}

/** Makes the durable reservation; waits a few seconds for room that others only hold. */
export async function openLease({ ledger, bell, request, signal }: LeaseOptions): Promise<Opening> {
  const holdTokens = request.inputTokens + leaseChunkTokens
  let deadline: AbortSignal | undefined
  for (;;) {
    const { rings } = bell
    const outcome = await ledger.reserve({ ...request, holdTokens })
    if (outcome.kind === 'reserved') {
      return { kind: 'opened', lease: new Lease({ ledger, bell, attemptId: request.attemptId, holdTokens, signal }) }
    }
    if (outcome.reason === 'exhausted' || deadline?.aborted) {
      return { kind: 'denied', reason: outcome.reason, counter: outcome.counter }
    }
    deadline ??= AbortSignal.any([signal, AbortSignal.timeout(proxyLimits.pendingWaitMs)])
    await bell.rungSince(rings, deadline)
  }
}

/** `end`: there is no room for more. */
export type Extension = 'go' | 'end'

export class Lease {
  readonly attemptId: string
  readonly #ledger: Ledger
  readonly #bell: RoomBell
  readonly #signal: AbortSignal
  #heldTokens: number
  #observedTokens = 0
  #extension: Promise<Extension> | undefined
  #denial: Counter | undefined

  constructor(options: {
    readonly ledger: Ledger
    readonly bell: RoomBell
    readonly attemptId: string
    readonly holdTokens: number
    readonly signal: AbortSignal
  }) {
    this.attemptId = options.attemptId
    this.#ledger = options.ledger
    this.#bell = options.bell
    this.#signal = options.signal
    this.#heldTokens = options.holdTokens
  }

  /** The counter that had no room for more, once one had none. */
  get denial(): Counter | undefined {
    return this.#denial
  }

  /**
   * Tells what the exchange has used so far, input and output (tokens), and asks for more room ahead of need. A promise
   * comes back when the hold is used up: nothing more may pass before it says `go`.
   */
  observe(observedTokens: number): Promise<Extension> | undefined {
    this.#observedTokens = Math.max(this.#observedTokens, observedTokens)
    if (this.#observedTokens + leaseChunkTokens / 2 > this.#heldTokens) {
      this.#extension ??= this.#extend().finally(() => {
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
    let wantedTokens = this.#observedTokens + leaseChunkTokens
    for (;;) {
      const { rings } = this.#bell
      const outcome = await this.#ledger.extend(this.attemptId, wantedTokens)
      if (outcome.kind === 'gone') return 'end'
      if (outcome.kind === 'extended') {
        this.#heldTokens = wantedTokens
        if (this.#observedTokens < this.#heldTokens) return 'go'
        wantedTokens = this.#observedTokens + leaseChunkTokens
        continue
      }
      // Less than a chunk is left: all of it, so that a budget is used to its last token.
      wantedTokens = this.#heldTokens + roomIn(outcome.counter)
      if (wantedTokens > this.#heldTokens) continue
      // The chunk ahead does not fit where what was used does: the stream goes on until its hold is used up.
      if (this.#observedTokens < this.#heldTokens) return 'go'
      if (outcome.reason === 'exhausted' || deadline?.aborted) {
        this.#denial = outcome.counter
        return 'end'
      }
      deadline ??= AbortSignal.any([this.#signal, AbortSignal.timeout(proxyLimits.extendWaitMs)])
      await this.#bell.rungSince(rings, deadline)
      wantedTokens = this.#observedTokens + 1
    }
  }
}

function roomIn({ limitTokens, settledTokens, reservedTokens }: Counter): number {
  return (limitTokens ?? Number.MAX_SAFE_INTEGER) - settledTokens - reservedTokens
}
