/**
 * The unanswered calls, by a correlation id that is free again once the call is answered.
 *
 * Slots of one array, not a Map: a Map that entries pass through at 50 000 a second leaves outgrown tables in the old
 * generation that keep dead entries alive, and scavenges then block the event loop for 10 ms and more instead of 1.
 */
export interface PendingCall {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class PendingCalls {
  readonly #slots: (PendingCall | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slots.length - this.#free.length
  }

  add(call: PendingCall): number {
    const id = this.#free.pop() ?? this.#slots.length
    this.#slots[id] = call
    return id
  }

  take(id: number): PendingCall | undefined {
    const call = this.#slots[id]
    if (call === undefined) return undefined
    this.#slots[id] = undefined
    this.#free.push(id)
    return call
  }

  takeAll(): readonly PendingCall[] {
    return this.#slots
      .keys()
      .toArray()
      .flatMap((id) => this.take(id) ?? [])
  }
}
