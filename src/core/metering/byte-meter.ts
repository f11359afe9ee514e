import type { MeterReading, ResponseMeter } from './format.ts'

export interface ByteMeterOptions {
  /** Why nobody here can read the body. */
  readonly why: string
  /** What was read of it before. */
  readonly before?: MeterReading
  /** Unreadable bytes that passed already. */
  readonly bytes?: number
}

/** For what nobody here can read: every byte is taken for a token of output, so that it is never free. */
export function createByteMeter({ why, before, bytes: firstBytes = 0 }: ByteMeterOptions): ResponseMeter {
  let bytes = firstBytes
  return {
    feed(chunk) {
      bytes += chunk.length
    },
    end() {},
    heldBytes: 0,
    reading: () => ({
      usage: {},
      model: undefined,
      phase: 'open',
      isFinal: false,
      ...before,
      observedOutputTokens: (before?.observedOutputTokens ?? 0) + bytes,
      anomalies: [...(before?.anomalies ?? []), why],
    }),
  }
}
