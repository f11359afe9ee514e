/**
 * Estimates the tokens of a request before it is sent, and learns from what the provider then counts.
 *
 * What was learned is shared by all bottles, by provider and model; a model that is not known yet falls back to what is known
 * of its provider, and that to the prior. What a bottle sent is not shared: each has its own memory of conversations.
 * Safety: a bottle can only teach with its own billed requests, and `regression.ts` bounds what they can move.
 */
import { difference, type Features } from './byte-features.ts'
import { ConversationMemory } from './conversation-memory.ts'
import { type EstimateKind, learnLesson, type ModelRecord, startRecord } from './model-record.ts'
import { predictTokens, startRegression } from './regression.ts'
import { profileRequest, type RequestProfile } from './request-profile.ts'

export interface EstimatedRequest {
  readonly provider: string
  /** As requested; null where the request names none. */
  readonly model: string | null
  /** In the chunks that it came in, decoded. */
  readonly body: readonly Uint8Array[]
  /** What the provider has of the prompt already and the body does not repeat, where that is known. */
  readonly contextTokens?: number
}

export interface InputEstimate {
  /** As near as can be. */
  readonly expectedTokens: number
  /** Exceeded in less than one of a hundred cases. */
  readonly upperTokens: number
  readonly basis: EstimateBasis
}

/** What is kept of the request to learn from its count. */
interface EstimateBasis {
  readonly provider: string
  readonly model: string
  readonly kind: EstimateKind
  readonly profile: RequestProfile
  /** Of what is estimated: the whole body, or what differs from a request that was counted. */
  readonly features: Features
  /** What need not be estimated. */
  readonly knownTokens: number
  readonly scaleTokens: number
  readonly hasContext: boolean
}

/** The estimator as one bottle may use it. */
export interface BottleEstimator {
  estimate(request: EstimatedRequest): InputEstimate
  /** `inputTokens`: the provider's own count of the whole prompt, cached parts included. Nothing else may teach. */
  learn(estimate: InputEstimate, inputTokens: number, nowMs: number): void
}

/** `model: ''`: all models of the provider together. */
export interface LearnedRecord {
  readonly provider: string
  readonly model: string
  readonly record: ModelRecord
}

export interface TokenEstimator {
  forBottle(): BottleEstimator
  /** Everything that was learned, the latest first. */
  records(): readonly LearnedRecord[]
  /** What was learned since this was asked last. */
  takeChanged(): readonly LearnedRecord[]
}

/** The one that learned nothing for the longest time is dropped. */
export const maxRecords = 256
/** Longer names share the record of their provider. */
export const maxModelCharacters = 200
/** A few words more or less are no error. */
const minScaleTokens = 64

/** `known`: from an earlier `records()`. */
export function createTokenEstimator(known: readonly LearnedRecord[] = []): TokenEstimator {
  /** The latest last. */
  const records = new Map(
    known
      .slice(0, maxRecords)
      .map((one) => [keyOf(one), one] as const)
      .reverse(),
  )
  const changed = new Set<string>()

  const recordFor = ({ provider, model }: Pick<EstimateBasis, 'provider' | 'model'>): ModelRecord =>
    (records.get(keyOf({ provider, model })) ?? records.get(keyOf({ provider, model: '' })))?.record ?? startRecord()

  /** A model begins with its provider's weights, and its own errors. */
  const ownRecord = (provider: string, model: string): ModelRecord => {
    const own = records.get(keyOf({ provider, model }))?.record
    return own ?? startRecord(startRegression(recordFor({ provider, model }).regression.weights))
  }

  const store = (learned: LearnedRecord) => {
    const key = keyOf(learned)
    records.delete(key)
    records.set(key, learned)
    changed.add(key)
    const [oldest] = records.keys()
    if (records.size > maxRecords && oldest !== undefined) {
      records.delete(oldest)
      changed.delete(oldest)
    }
  }

  return {
    forBottle() {
      const memory = new ConversationMemory()
      return {
        estimate({ provider, model, body, contextTokens = 0 }) {
          const names = { provider, model: model !== null && model.length <= maxModelCharacters ? model : '' }
          const { regression, windows } = recordFor(names)
          const profile = profileRequest(body)
          // A body without its context would look like a transcript that lost its beginning.
          const counted = contextTokens > 0 ? undefined : memory.recall(keyOf(names), profile)
          const kind = counted ? 'continued' : 'fresh'
          const features = counted ? difference(profile.features, counted.profile.features) : profile.features
          const knownTokens = counted?.inputTokens ?? contextTokens
          const differingPart = counted ? counted.differingBytes / Math.max(1, profile.totalBytes) : 1
          const scaleTokens = Math.max(
            minScaleTokens,
            predictTokens(regression, features.map(Math.abs)),
            predictTokens(regression, profile.features) * differingPart,
          )
          const expectedTokens = Math.max(0, Math.round(knownTokens + predictTokens(regression, features)))
          const upperTokens = expectedTokens + Math.ceil(windows[kind].margin * scaleTokens)
          const basis = {
            ...names,
            kind,
            profile,
            features,
            knownTokens,
            scaleTokens,
            hasContext: contextTokens > 0,
          } as const
          return { expectedTokens, upperTokens, basis }
        },

        learn({ expectedTokens, upperTokens, basis }, inputTokens, nowMs) {
          const { provider, model, kind, profile, features, knownTokens, scaleTokens, hasContext } = basis
          const tokens = inputTokens - knownTokens
          const lesson = { kind, features, tokens, scaleTokens, expectedTokens, upperTokens, inputTokens, nowMs }
          for (const name of new Set([model, '']))
            store({ provider, model: name, record: learnLesson(ownRecord(provider, name), lesson) })
          if (!hasContext) memory.remember(keyOf(basis), { profile, inputTokens })
        },
      }
    },

    records: () => [...records.values()].reverse(),

    takeChanged() {
      const taken = [...changed].flatMap((key) => records.get(key) ?? [])
      changed.clear()
      return taken
    },
  }
}

function keyOf({ provider, model }: Pick<EstimateBasis, 'provider' | 'model'>): string {
  return `${provider}\0${model}`
}
