/** Lets one estimator work through conversations as a controller would, and measures it after the first calls. */
import { type BottleEstimator, createTokenEstimator } from '../../src/core/metering/estimator/token-estimator.ts'
import type { Corpus, TextKind } from './corpus.ts'
import { createRandom, textKinds } from './corpus.ts'
import { type CountText, converse, requestsOf, type Shape } from './transcripts.ts'

/** What the conversations of one run are made of. */
export interface Mix {
  readonly name: string
  readonly kinds: readonly TextKind[]
  readonly imageShare?: number
}

export const mixes: readonly Mix[] = [
  ...textKinds.map((kind) => ({ name: kind, kinds: [kind] })),
  { name: 'images', kinds: ['prose', 'code'], imageShare: 0.3 },
  { name: 'agent', kinds: ['code', 'prose', 'diff', 'listing', 'json'] },
  { name: 'mixed', kinds: textKinds },
]

export interface Measured {
  readonly mix: string
  /**
   * - `alone`: each body by itself, as a bottle would see it that sent nothing before
   * - `first`: the first call of a conversation
   * - `continued`: a later call of one
   */
  readonly phase: 'alone' | 'first' | 'continued'
  /** Part of the true count; positive where the estimate was too low. */
  readonly error: number
  readonly margin: number
  readonly isBeyond: boolean
}

export interface RunOptions {
  readonly corpus: Corpus
  readonly shape: Shape
  readonly count: CountText
  readonly conversationsOfEach: number
  readonly turns: number
  /** Calls that only teach. */
  readonly warmUpCalls: number
}

export function measureAccuracy(options: RunOptions): readonly Measured[] {
  const { corpus, shape, count, conversationsOfEach, turns, warmUpCalls } = options
  const estimator = createTokenEstimator()
  const measured: Measured[] = []
  const random = createRandom(11)
  const queue = Array.from({ length: conversationsOfEach }, () => mixes).flat()
  let calls = 0
  for (const [seed, mix] of shuffled(queue, random).entries()) {
    const conversation = converse(corpus, {
      ...mix,
      seed,
      turns,
      systemCharacters: Math.floor(random() * 12_000),
      toolCount: Math.floor(random() * 14),
    })
    const bottle = estimator.forBottle()
    for (const [turn, { body, tokens }] of requestsOf(conversation, shape, count).entries()) {
      const request = { provider: 'bench', model: shape, body: [body] }
      const measure = (phase: Measured['phase'], teller: BottleEstimator) => {
        const { expectedTokens, upperTokens } = teller.estimate(request)
        if (calls < warmUpCalls) return
        const error = (tokens - expectedTokens) / tokens
        const margin = (upperTokens - expectedTokens) / tokens
        measured.push({ mix: mix.name, phase, error, margin, isBeyond: tokens > upperTokens })
      }
      measure('alone', estimator.forBottle())
      measure(turn === 0 ? 'first' : 'continued', bottle)
      bottle.learn(bottle.estimate(request), tokens, calls)
      calls += 1
    }
  }
  return measured
}

export interface Figures {
  readonly calls: number
  readonly meanErrorPercent: number
  readonly p95ErrorPercent: number
  readonly biasPercent: number
  readonly marginPercent: number
  readonly beyondPercent: number
}

export function figuresOf(measured: readonly Measured[]): Figures {
  const errors = measured.map(({ error }) => Math.abs(error)).sort((one, other) => one - other)
  const mean = (values: readonly number[]) => values.reduce((total, value) => total + value, 0) / values.length
  return {
    calls: measured.length,
    meanErrorPercent: 100 * mean(errors),
    p95ErrorPercent: 100 * (errors[Math.floor(errors.length * 0.95)] ?? 0),
    biasPercent: -100 * mean(measured.map(({ error }) => error)),
    marginPercent: 100 * mean(measured.map(({ margin }) => margin)),
    beyondPercent: 100 * mean(measured.map(({ isBeyond }) => (isBeyond ? 1 : 0))),
  }
}

function shuffled<Value>(values: readonly Value[], random: () => number): readonly Value[] {
  return values
    .map((value) => ({ value, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ value }) => value)
}
