/**
 * A wire format tells what a metered request asks for and what its response reports.
 * Meters are fed a copy of the response body: synchronous, bounded in memory, never throwing on hostile bytes.
 */
import type { Usage } from './usage.ts'

export type WireFormatName = 'anthropic-messages' | 'openai-chat' | 'openai-embeddings' | 'openai-responses' | 'gemini'

/** What the proxy needs from a request body to decide and to estimate. Read without parsing the whole body. */
export interface RequestReading {
  readonly model: string | undefined
  /** The most output that the client allows, of all answers together, where it says so. Tokens. */
  readonly maxOutputTokens: number | undefined
  /** How many answers it asks for at once. */
  readonly answerCount: number
  /** The response that it goes on from: its whole transcript is input again. */
  readonly previousResponseId: string | undefined
  readonly stream: boolean
  /** Asks the provider to answer later, out of sight of the meter. */
  readonly background: boolean
  /** What the provider is asked to run or fetch itself, each once, by the names of `provider-tools.ts`. */
  readonly providerTools: readonly string[]
  /** The query of the request, where it asks for an answer that the meter does not read. */
  readonly unmeteredForm?: string
  /** What must be changed before the body is sent on, so that the answer can be metered; see `include-usage.ts`. */
  readonly edit?: BodyEdit
}

/** Puts a text in the place of the bytes from `start` to `end`. */
export interface BodyEdit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export interface MeterReading {
  /** Last value of each field that the provider reported. */
  readonly usage: Usage
  /** The model that the provider says answered. */
  readonly model: string | undefined
  /** By which a request may go on from this response, where the provider keeps it. */
  readonly responseId?: string | undefined
  /** `complete` and `failed` are final: the terminal event was seen. */
  readonly phase: 'open' | 'complete' | 'failed'
  /** True once the provider reported the final counts, not only those of the first event. */
  readonly isFinal: boolean
  /** Tokens of output seen in the body so far by an estimate; compare with `usage.outputTokens`, which may lag. */
  readonly observedOutputTokens: number
  /** What the provider reported and we did not believe, e.g. `usage.output_tokens: -5`. At most a few. */
  readonly anomalies: readonly string[]
}

export interface ResponseMeter {
  feed(chunk: Uint8Array): void
  /** The body ended; whatever is still buffered is read. Idempotent. */
  end(): void
  reading(): MeterReading
  /** What it keeps of the body at this moment, for those who watch memory. */
  readonly heldBytes: number
}

/**
 * How a response comes.
 * - `sse`: an event stream, in any split
 * - `json`: one document, or one array of event objects, in any split
 * - `messages`: event objects without a framing of their own; each chunk fed is one whole event, as a WebSocket carries it
 */
export type BodyKind = 'sse' | 'json' | 'messages'

export interface WireFormat {
  readonly name: WireFormatName
  /**
   * Reads a whole request body given as the chunks it came in. A body that is no JSON object reads as `undefined`.
   * `target`: path and query that it is sent to; some formats name the model there.
   */
  readRequest(body: readonly Uint8Array[], target: string): RequestReading | undefined
  createMeter(kind: BodyKind): ResponseMeter
}
