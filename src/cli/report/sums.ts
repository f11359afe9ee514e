/** Usage added up by whatever a chart or a table shows. */
import type { UsageReport } from '../../controller/api.ts'
import type { BinnedUsage } from './read-report.ts'

const counted = [
  ...(['exchanges', 'inputTokens', 'cacheWriteTokens', 'cacheReadTokens', 'outputTokens', 'reasoningTokens'] as const),
  ...(['chargeTokens', 'estimatedTokens'] as const),
] as const
export type Sums = Readonly<Record<(typeof counted)[number], number>>

/** Saturates as the ledger does. */
export function sumOf(rows: readonly Pick<UsageReport['rows'][number], (typeof counted)[number]>[]): Sums {
  const sums = counted.map((name) => {
    const total = rows.reduce((sum, row) => sum + row[name], 0)
    return [name, Math.min(total, Number.MAX_SAFE_INTEGER)]
  })
  return Object.fromEntries(sums) as Sums
}

/** The part of the prompts that came from a cache, from 0 to 1; `undefined` where nothing was sent. */
export function cacheShareOf({ inputTokens, cacheWriteTokens, cacheReadTokens }: Sums): number | undefined {
  const promptTokens = inputTokens + cacheWriteTokens + cacheReadTokens
  return promptTokens === 0 ? undefined : cacheReadTokens / promptTokens
}

export type Dimension = 'provider' | 'model' | 'agent' | 'bottle'

export interface Group extends Sums {
  readonly name: string
  readonly providers: readonly string[]
}

/** The largest charge first. */
export function groupsBy(dimension: Dimension, usage: readonly BinnedUsage[]): readonly Group[] {
  const groups = [...Map.groupBy(usage, (row) => nameOf(dimension, row))].map(([name, rows]) => {
    const providers = [...new Set(rows.map(({ provider }) => provider))].toSorted()
    return { ...sumOf(rows), name, providers }
  })
  return groups.toSorted((one, other) => other.chargeTokens - one.chargeTokens || (one.name < other.name ? -1 : 1))
}

export interface Series {
  readonly name: string
  readonly totalTokens: number
  /** Of each time step. */
  readonly tokens: readonly number[]
}

/** More colours nobody tells apart. */
export const maxSeries = 7

/** Charges over time of the largest groups, the largest first, and of all others together as the last. */
export function seriesBy(dimension: Dimension, usage: readonly BinnedUsage[], binCount: number): readonly Series[] {
  const names = groupsBy(dimension, usage).map(({ name }) => name)
  const shown = names.length <= maxSeries + 1 ? names : names.slice(0, maxSeries)
  const byName = Map.groupBy(usage, (row) => nameOf(dimension, row))
  const named = shown.map((name) => seriesOf(name, byName.get(name) ?? [], binCount))
  if (shown.length === names.length) return named
  const others = names.slice(shown.length).flatMap((name) => byName.get(name) ?? [])
  return [...named, seriesOf(`${names.length - shown.length} others`, others, binCount)]
}

function seriesOf(name: string, rows: readonly BinnedUsage[], binCount: number): Series {
  const tokens = Array.from({ length: binCount }, () => 0)
  for (const { bin, chargeTokens } of rows) tokens[bin] = (tokens[bin] ?? 0) + chargeTokens
  return { name, tokens, totalTokens: sumOf(rows).chargeTokens }
}

function nameOf(dimension: Dimension, row: BinnedUsage): string {
  const name = row[dimension] ?? ''
  return name === '' ? '(unknown)' : name
}
