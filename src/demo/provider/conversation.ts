/** What the simulated model reads of a request, whichever provider's shape it came in. */
export interface Conversation {
  readonly model: string
  readonly stream: boolean
  /** The most output that the client allows, where it says so. Tokens. */
  readonly maxOutputTokens: number | undefined
  readonly wantsReasoning: boolean
  /** The whole prompt in the order in which a provider caches it: tools, system, messages. */
  readonly segments: readonly PromptSegment[]
  /** The last text that the user wrote. */
  readonly question: string
  readonly offeredTools: ReadonlySet<string>
  /** How many tool calls the transcript already answers: the turn of a scripted conversation. */
  readonly turn: number
}

export interface PromptSegment {
  readonly text: string
  /** The client marks the end of this segment as a prefix to be cached for that long. */
  readonly cacheFor?: '5m' | '1h'
}

/** Throws for a field that the provider would not take here. */
export function refuseOtherFields(
  body: unknown,
  fields: ReadonlySet<string>,
  sentence: (field: string) => string,
): void {
  const other = Object.keys(typeof body === 'object' && body !== null ? body : {}).find((field) => !fields.has(field))
  if (other !== undefined) throw new MalformedRequest(sentence(other))
}

/** A request body that its provider would refuse with 400; the message is for the client. */
export class MalformedRequest extends Error {}
