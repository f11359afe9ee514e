/**
 * Counters and histograms in memory, as OpenTelemetry means them: cumulative, with attributes. What bottles can choose (a model's
 * name) is bounded in length and number: beyond `maxSeries` of a metric everything counts for one further series, whose only
 * attribute is that of OpenTelemetry's specification for it. Nothing here throws.
 */
export type Attributes = Readonly<Record<string, string>>

interface Described {
  readonly name: string
  readonly description: string
  /** As UCUM has it: `s`, or a note such as `{token}`. */
  readonly unit: string
}

export interface NumberPoint {
  readonly attributes: Attributes
  readonly value: number
}

export interface HistogramPoint {
  readonly attributes: Attributes
  readonly count: number
  readonly sum: number
  /** One more than there are boundaries; each value is in one of them. */
  readonly bucketCounts: readonly number[]
}

export type Metric =
  | (Described & { readonly kind: 'counter' | 'gauge'; readonly points: readonly NumberPoint[] })
  | (Described & {
      readonly kind: 'histogram'
      /** Upper ends, included in their buckets; beyond the last is one more. */
      readonly boundaries: readonly number[]
      readonly points: readonly HistogramPoint[]
    })

export interface Counter {
  add(count: number, attributes: Attributes): void
  read(): Metric
}

export interface Histogram {
  record(value: number, attributes: Attributes): void
  read(): Metric
}

export const maxSeries = 200
export const maxAttributeCharacters = 128

export const overflow: Attributes = { 'otel.metric.overflow': 'true' }

export function createCounter(described: Described): Counter {
  const series = createSeries(() => ({ value: 0 }))
  return {
    add(count, attributes) {
      series.of(attributes).value += count
    },
    read: () => ({ ...described, kind: 'counter', points: series.points(({ value }) => ({ value })) }),
  }
}

export function createHistogram({
  boundaries,
  ...described
}: Described & { readonly boundaries: readonly number[] }): Histogram {
  const series = createSeries(() => ({ count: 0, sum: 0, bucketCounts: boundaries.map(() => 0).concat(0) }))
  return {
    record(value, attributes) {
      const one = series.of(attributes)
      const index = boundaries.findIndex((boundary) => value <= boundary)
      const bucket = index === -1 ? boundaries.length : index
      one.count += 1
      one.sum += value
      one.bucketCounts[bucket] = (one.bucketCounts[bucket] ?? 0) + 1
    },
    read: () => ({
      ...described,
      kind: 'histogram',
      boundaries,
      points: series.points((one) => ({ ...one, bucketCounts: [...one.bucketCounts] })),
    }),
  }
}

/** Of what is as it is when it is looked at. Points beyond `maxSeries` are left out. */
export function gauge(described: Described, points: readonly NumberPoint[]): Metric {
  const shown = points.slice(0, maxSeries)
  return {
    ...described,
    kind: 'gauge',
    points: shown.map(({ attributes, value }) => ({ attributes: bounded(attributes), value })),
  }
}

function createSeries<State>(begin: () => State) {
  const byKey = new Map<string, { readonly attributes: Attributes; readonly state: State }>()
  const under = (attributes: Attributes): State => {
    const key = JSON.stringify(attributes)
    const known = byKey.get(key)
    if (known) return known.state
    if (byKey.size >= maxSeries && attributes !== overflow) return under(overflow)
    const state = begin()
    byKey.set(key, { attributes, state })
    return state
  }
  return {
    // What needs no bounds is found as it is.
    of: (attributes: Attributes) => byKey.get(JSON.stringify(attributes))?.state ?? under(bounded(attributes)),
    points: <Point>(pointOf: (state: State) => Point) =>
      [...byKey.values()].map(({ attributes, state }) => ({ attributes, ...pointOf(state) })),
  }
}

function bounded(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, text]) => [name, boundedText(text)]))
}

/** Without controls and invisible marks: whoever reads metrics in a terminal sees what they are (S16). */
function boundedText(text: string): string {
  return text.slice(0, maxAttributeCharacters).replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '')
}
