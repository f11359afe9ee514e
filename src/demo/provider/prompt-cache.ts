/**
 * Prompt caching as providers bill it: a prefix of the prompt that was sent before is read from the cache. Prefixes are
 * kept per account and model, as hashes. Nothing expires: a simulation does not run for as long as a cache lives.
 */
import { createHash } from 'node:crypto'
import type { PromptSegment } from './conversation.ts'
import { countTokens } from './tokens.ts'

/** Providers cache no shorter prefix. */
export const MIN_CACHEABLE_TOKENS = 1024
/** OpenAI counts cached tokens in steps of this size. */
export const AUTOMATIC_CACHE_STEP_TOKENS = 128
const MAX_CACHED_PREFIXES = 10_000

/** The input of one request, every token in exactly one class. */
export interface InputTokens {
  readonly uncachedTokens: number
  readonly cacheReadTokens: number
  readonly cacheWrite5mTokens: number
  readonly cacheWrite1hTokens: number
}

export interface PromptCache {
  /** Anthropic's way: only what the client marks is written; the longest known prefix before the last mark is read. */
  readMarked(account: string, segments: readonly PromptSegment[]): InputTokens
  /** OpenAI's way: every prefix is cached unasked, and writing costs nothing extra. */
  readAutomatic(account: string, segments: readonly PromptSegment[]): InputTokens
}

interface Prefix {
  readonly key: string
  readonly tokens: number
  readonly cacheFor: '5m' | '1h' | undefined
}

export function countInput(segments: readonly PromptSegment[]): number {
  return segments.reduce((total, { text }) => total + countTokens(text), 0)
}

export function createPromptCache(): PromptCache {
  const known = new Set<string>()

  function remember({ key, tokens }: Prefix): void {
    if (tokens < MIN_CACHEABLE_TOKENS) return
    known.add(key)
    for (const oldest of known) {
      if (known.size <= MAX_CACHED_PREFIXES) break
      known.delete(oldest)
    }
  }

  return {
    readMarked(account, segments) {
      const prefixes = prefixesOf(account, segments)
      const lastMark = prefixes.findLastIndex(
        ({ cacheFor, tokens }) => cacheFor !== undefined && tokens >= MIN_CACHEABLE_TOKENS,
      )
      const cacheable = prefixes.slice(0, lastMark + 1)
      const cacheReadTokens = cacheable.findLast(({ key }) => known.has(key))?.tokens ?? 0
      const written = { '5m': 0, '1h': 0 }
      let doneTokens = cacheReadTokens
      for (const prefix of cacheable) {
        if (prefix.cacheFor === undefined) continue
        written[prefix.cacheFor] += Math.max(0, prefix.tokens - doneTokens)
        doneTokens = Math.max(doneTokens, prefix.tokens)
        remember(prefix)
      }
      return {
        uncachedTokens: countInput(segments) - doneTokens,
        cacheReadTokens,
        cacheWrite5mTokens: written['5m'],
        cacheWrite1hTokens: written['1h'],
      }
    },
    readAutomatic(account, segments) {
      const prefixes = prefixesOf(account, segments)
      const knownTokens = prefixes.findLast(({ key }) => known.has(key))?.tokens ?? 0
      const cacheReadTokens = knownTokens - (knownTokens % AUTOMATIC_CACHE_STEP_TOKENS)
      for (const prefix of prefixes) remember(prefix)
      return {
        uncachedTokens: countInput(segments) - cacheReadTokens,
        cacheReadTokens,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
      }
    },
  }
}

function prefixesOf(account: string, segments: readonly PromptSegment[]): readonly Prefix[] {
  let key = account
  let tokens = 0
  return segments.map(({ text, cacheFor }) => {
    key = createHash('sha256').update(key).update('\0').update(text).digest('base64')
    tokens += countTokens(text)
    return { key, tokens, cacheFor }
  })
}
