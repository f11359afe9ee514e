import { expect, test } from 'vitest'
import { createCounter, createHistogram, gauge } from './instruments.ts'
import { otlpMetrics } from './otlp-json.ts'

test('is what the JSON encoding of OTLP asks for: 64-bit numbers as strings, sums cumulative, nothing without points', () => {
  const counter = createCounter({ name: 'c', description: 'C.', unit: '{x}' })
  counter.add(3, { a: 'b' })
  const histogram = createHistogram({ name: 'h', description: 'H.', unit: 's', boundaries: [1, 2] })
  for (const value of [0.5, 9.5]) histogram.record(value, {})
  const unused = createCounter({ name: 'unused', description: '', unit: '1' })
  const now = gauge({ name: 'g', description: 'G.', unit: '1' }, [{ attributes: {}, value: 0.25 }])
  const times = { startTimeUnixNano: '5000000', timeUnixNano: '1795350000000000000' }
  const attributes = [{ key: 'a', value: { stringValue: 'b' } }]
  expect(
    otlpMetrics([counter.read(), histogram.read(), unused.read(), now], {
      ...{ resource: { 'service.name': 'bot-bottle' }, version: '1', startedAtMs: 5, nowMs: 1_795_350_000_000 },
    }),
  ).toEqual({
    resourceMetrics: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'bot-bottle' } }] },
        scopeMetrics: [
          {
            scope: { name: 'bot-bottle', version: '1' },
            metrics: [
              {
                ...{ name: 'c', description: 'C.', unit: '{x}' },
                sum: {
                  aggregationTemporality: 2,
                  isMonotonic: true,
                  dataPoints: [{ attributes, ...times, asInt: '3' }],
                },
              },
              {
                ...{ name: 'h', description: 'H.', unit: 's' },
                histogram: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    {
                      ...{ attributes: [], ...times, count: '2', sum: 10 },
                      ...{ bucketCounts: ['1', '0', '1'], explicitBounds: [1, 2] },
                    },
                  ],
                },
              },
              {
                ...{ name: 'g', description: 'G.', unit: '1' },
                gauge: { dataPoints: [{ attributes: [], ...times, asDouble: 0.25 }] },
              },
            ],
          },
        ],
      },
    ],
  })
})
