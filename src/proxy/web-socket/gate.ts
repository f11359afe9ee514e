/** Hands on what comes, in its order, and keeps it while something holds: what was on its way when the source was paused. */
export interface Gate<Item> {
  push(item: Item): void
  hold(): void
  /** Ends one hold. */
  release(): void
}

export interface GateOptions<Item> {
  pass(item: Item): void
  pause(): void
  resume(): void
}

export function createGate<Item>({ pass, pause, resume }: GateOptions<Item>): Gate<Item> {
  const kept: Item[] = []
  let holds = 0

  return {
    push(item) {
      if (holds > 0) kept.push(item)
      else pass(item)
    },
    hold() {
      holds += 1
      if (holds === 1) pause()
    },
    release() {
      holds -= 1
      while (holds === 0) {
        const [item] = kept.splice(0, 1)
        if (item === undefined) return resume()
        pass(item)
      }
    },
  }
}
