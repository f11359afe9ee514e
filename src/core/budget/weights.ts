/**
 * What a token of each class counts for in a budget. Providers bill the classes at very different prices, and most tokens of
 * a coding agent are cache reads.
 */
export interface Weights {
  readonly input: number
  /** Writes of every lifetime. */
  readonly cacheWrite: number
  readonly cacheRead: number
  /** Reasoning included. */
  readonly output: number
}

export const weightPresets = {
  /** A token is a token. */
  raw: { input: 1, cacheWrite: 1, cacheRead: 1, output: 1 },
  /** In tokens of uncached input, as prices usually are. */
  effective: { input: 1, cacheWrite: 1.25, cacheRead: 0.1, output: 5 },
} as const satisfies Readonly<Record<string, Weights>>

export const defaultWeights: Weights = weightPresets.raw

/** Tokens of each weighed class. */
export type WeighedTokens = Readonly<Record<keyof Weights, number>>

/** Weights have so many decimals at most: a sum of whole thousandths is exact, one of tenths in binary is not. */
const decimals = 3
const unit = 10 ** decimals
/** With it, the largest believable exchange is still a safe integer. */
export const maxWeight = 1_000

/** What a budget is charged: the weighed sum, rounded up once, so that nothing that counts is free. Whole tokens. */
export function weigh(tokens: WeighedTokens, weights: Weights): number {
  const thousandths =
    tokens.input * inUnits(weights.input) +
    tokens.cacheWrite * inUnits(weights.cacheWrite) +
    tokens.cacheRead * inUnits(weights.cacheRead) +
    tokens.output * inUnits(weights.output)
  return Math.ceil(thousandths / unit)
}

function inUnits(weight: number): number {
  return Math.round(weight * unit)
}

export type ParsedWeight =
  | { readonly kind: 'weight'; readonly weight: number }
  /** `why` completes the sentence "… is no weight: …" and says what would work. */
  | { readonly kind: 'invalid'; readonly why: string }

/** Reads the one spelling that a weight has: plain decimals such as `0`, `0.1`, `1.25`, `5`. */
export function parseWeight(text: string): ParsedWeight {
  if (!/^(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text)) {
    return { kind: 'invalid', why: 'a plain decimal number is expected, e.g. 0.1 or 5 (0: does not count)' }
  }
  const weight = Number(text)
  if (weight > maxWeight) return { kind: 'invalid', why: `it is larger than ${maxWeight}` }
  if ((text.split('.')[1] ?? '').length > decimals) {
    return { kind: 'invalid', why: `it has more than ${decimals} decimals` }
  }
  return { kind: 'weight', weight }
}

export type OwnWeights =
  | { readonly kind: 'weights'; readonly weights: Weights }
  | { readonly kind: 'invalid'; readonly why: string }

/** Own weights; a class that is not given weighs 1. Refused where none would count, since then no budget would hold. */
export function ownWeights(given: Partial<Weights>): OwnWeights {
  const weights = { ...weightPresets.raw, ...given }
  if (Object.values(weights).some((weight) => weight > 0)) return { kind: 'weights', weights }
  return { kind: 'invalid', why: 'all classes weigh 0, so that nothing would ever be charged; give one a weight' }
}
