/** Hands out an answer piece by piece at the pace of a model. */
import type { Answer } from './answer.ts'

export interface Pace {
  readonly tokensPerDelta: number
  /** Time before each delta; 0 sends as fast as the client reads. */
  readonly deltaIntervalMs: number
  /** Rejects when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Piece {
  readonly kind: 'reasoning' | 'text' | 'tool'
  readonly text: string
  readonly tokens: number
}

export async function* generate(answer: Answer, pace: Pace, signal: AbortSignal): AsyncGenerator<Piece> {
  const parts = [
    { kind: 'reasoning', tokens: answer.reasoning },
    { kind: 'text', tokens: answer.text },
    { kind: 'tool', tokens: answer.toolCall?.input ?? [] },
  ] as const
  for (const { kind, tokens } of parts) {
    for (let start = 0; start < tokens.length; start += pace.tokensPerDelta) {
      if (pace.deltaIntervalMs > 0) await pace.wait(pace.deltaIntervalMs, signal)
      signal.throwIfAborted()
      const delta = tokens.slice(start, start + pace.tokensPerDelta)
      yield { kind, text: delta.join(''), tokens: delta.length }
    }
  }
}
