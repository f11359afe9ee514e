/**
 * How long the transcripts of a bottle's responses are. A request that goes on from one sends only what is new, and is
 * billed for all of it; what it holds, and what it is charged when it breaks off, must know.
 */
import { inputTokensOf, type Usage } from './usage.ts'

export interface ResponseContext {
  /** Input that a request brings along unsaid. */
  readonly tokens: number
  /** False for a guess: of a response that is not known, or whose reasoning the provider may drop. */
  readonly isCertain: boolean
}

export interface ResponseContexts {
  /** Before a request that goes on from that response, if from any. */
  before(previousResponseId: string | undefined): ResponseContext
  /** `usage`: as the provider reported it for that response. */
  remember(responseId: string, usage: Usage): void
}

/** The oldest is forgotten. Providers keep one for each connection. */
const maxContexts = 64

export function createResponseContexts(): ResponseContexts {
  const known = new Map<string, ResponseContext>()
  return {
    before(previousResponseId) {
      if (previousResponseId === undefined) return { tokens: 0, isCertain: true }
      const longest = () => Math.max(0, ...[...known.values()].map(({ tokens }) => tokens))
      return known.get(previousResponseId) ?? { tokens: longest(), isCertain: false }
    },
    remember(responseId, usage) {
      const { outputTokens = 0, reasoningTokens = 0 } = usage
      known.delete(responseId)
      known.set(responseId, { tokens: inputTokensOf(usage) + outputTokens, isCertain: reasoningTokens === 0 })
      const [oldest] = known.keys()
      if (known.size > maxContexts && oldest !== undefined) known.delete(oldest)
    },
  }
}
