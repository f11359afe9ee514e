/** Metrics as the body of an OTLP export over HTTP, in its JSON encoding (opentelemetry.io/docs/specs/otlp). Sums are cumulative. */
import type { Attributes, Metric } from './instruments.ts'

export interface OtlpFrame {
  /** Of what is measured: `service.name` and the like. */
  readonly resource: Attributes
  readonly version: string
  /** Since when sums are counted. */
  readonly startedAtMs: number
  readonly nowMs: number
}

const cumulative = 2

export function otlpMetrics(metrics: readonly Metric[], { resource, version, startedAtMs, nowMs }: OtlpFrame): object {
  const times = { startTimeUnixNano: nanoseconds(startedAtMs), timeUnixNano: nanoseconds(nowMs) }
  const scope = { name: 'bot-bottle', version }
  const told = metrics.filter(({ points }) => points.length > 0).map((metric) => otlpMetric(metric, times))
  return {
    resourceMetrics: [{ resource: { attributes: pairs(resource) }, scopeMetrics: [{ scope, metrics: told }] }],
  }
}

interface Times {
  readonly startTimeUnixNano: string
  readonly timeUnixNano: string
}

function otlpMetric(metric: Metric, times: Times): object {
  const { name, description, unit } = metric
  if (metric.kind === 'histogram') {
    const dataPoints = metric.points.map(({ attributes, count, sum, bucketCounts }) => ({
      ...{ attributes: pairs(attributes), ...times, count: String(count), sum },
      ...{ bucketCounts: bucketCounts.map(String), explicitBounds: metric.boundaries },
    }))
    return { name, description, unit, histogram: { aggregationTemporality: cumulative, dataPoints } }
  }
  const dataPoints = metric.points.map(({ attributes, value }) => ({
    ...{ attributes: pairs(attributes), ...times },
    ...(Number.isInteger(value) ? { asInt: String(value) } : { asDouble: value }),
  }))
  if (metric.kind === 'gauge') return { name, description, unit, gauge: { dataPoints } }
  return { name, description, unit, sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints } }
}

function pairs(attributes: Attributes): readonly object[] {
  return Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }))
}

/** 64-bit integers are strings in JSON. */
function nanoseconds(atMs: number): string {
  return `${Math.round(atMs)}000000`
}
