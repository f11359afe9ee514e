/**
 * Metrics in Prometheus' text format 0.0.4, named as OpenTelemetry's specification translates its own names: dots become
 * underscores, the unit and `total` are appended.
 */
import type { Attributes, Metric } from './instruments.ts'

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

export function prometheusText(metrics: readonly Metric[]): string {
  return metrics
    .map((metric) =>
      linesOf(metric)
        .map((line) => `${line}\n`)
        .join(''),
    )
    .join('')
}

function linesOf(metric: Metric): readonly string[] {
  const name = nameOf(metric)
  const head = [
    `# HELP ${name} ${metric.description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
    `# TYPE ${name} ${metric.kind}`,
  ]
  if (metric.kind !== 'histogram') {
    return [...head, ...metric.points.map(({ attributes, value }) => `${name}${labels(attributes)} ${value}`)]
  }
  const ends = [...metric.boundaries.map(String), '+Inf']
  const points = metric.points.flatMap(({ attributes, count, sum, bucketCounts }) => {
    let below = 0
    const buckets = ends.map((le, index) => {
      below += bucketCounts[index] ?? 0
      return `${name}_bucket${labels({ ...attributes, le })} ${below}`
    })
    return [...buckets, `${name}_sum${labels(attributes)} ${sum}`, `${name}_count${labels(attributes)} ${count}`]
  })
  return [...head, ...points]
}

function nameOf({ name, unit, kind }: Metric): string {
  const ending = `${unit === 's' ? '_seconds' : ''}${kind === 'counter' ? '_total' : ''}`
  return `${translated(name)}${ending}`
}

function labels(attributes: Attributes): string {
  const pairs = Object.entries(attributes).map(([name, value]) => `${translated(name)}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function translated(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
