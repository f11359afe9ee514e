import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCounter, createHistogram, gauge, maxAttributeCharacters, maxSeries } from './instruments.ts'
import { prometheusText } from './prometheus-text.ts'

const described = { name: 'bot_bottle.x', description: 'An x.', unit: '{x}' }

test('counters, gauges and histograms have the names and lines that Prometheus reads', () => {
  const counter = createCounter(described)
  counter.add(2, { 'bot_bottle.code': 'a' })
  counter.add(3, { 'bot_bottle.code': 'a' })
  const histogram = createHistogram({
    name: 'gen_ai.client.operation.duration',
    description: 'It\\took\nlong.',
    unit: 's',
    boundaries: [0.5, 1],
  })
  for (const seconds of [0.5, 0.75, 7]) histogram.record(seconds, {})
  const open = gauge({ ...described, name: 'bot_bottle.open' }, [{ attributes: { a: '1' }, value: 4 }])
  expect(prometheusText([counter.read(), histogram.read(), open])).toBe(
    [
      '# HELP bot_bottle_x_total An x.',
      '# TYPE bot_bottle_x_total counter',
      'bot_bottle_x_total{bot_bottle_code="a"} 5',
      '# HELP gen_ai_client_operation_duration_seconds It\\\\took\\nlong.',
      '# TYPE gen_ai_client_operation_duration_seconds histogram',
      'gen_ai_client_operation_duration_seconds_bucket{le="0.5"} 1',
      'gen_ai_client_operation_duration_seconds_bucket{le="1"} 2',
      'gen_ai_client_operation_duration_seconds_bucket{le="+Inf"} 3',
      'gen_ai_client_operation_duration_seconds_sum 8.25',
      'gen_ai_client_operation_duration_seconds_count 3',
      '# HELP bot_bottle_open An x.',
      '# TYPE bot_bottle_open gauge',
      'bot_bottle_open{a="1"} 4',
      '',
    ].join('\n'),
  )
})

test('no name of a model breaks out of its label, and none moves a cursor (S16)', () => {
  const line = /^bot_bottle_x_total\{model="(?:[^"\\\n]|\\["\\n])*"\} 1$/
  const characters = fc.constantFrom(...'"\\\n{}=,a \x1b\u202e\ud800é', 'a'.repeat(maxAttributeCharacters))
  const names = fc.array(characters, { maxLength: 30 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(names, (model) => {
      const counter = createCounter(described)
      counter.add(1, { model })
      const [, , sample = '', ...rest] = prometheusText([counter.read()]).split('\n')
      expect(sample).toMatch(line)
      expect(sample.length).toBeLessThan(2 * maxAttributeCharacters + 50)
      expect(sample).not.toMatch(/[\p{Cc}\p{Cs}\u202e]/u)
      expect(rest).toEqual([''])
    }),
  )
})

test('beyond the ceiling of series everything counts for one more, and nothing is lost', () => {
  const counter = createCounter(described)
  const histogram = createHistogram({ ...described, boundaries: [1] })
  for (let index = 0; index < maxSeries * 3; index++) {
    counter.add(1, { model: `m${index}` })
    histogram.record(index % 2, { model: `m${index}` })
  }
  counter.add(1, { model: 'm0' })
  const { points } = counter.read()
  expect(points).toHaveLength(maxSeries + 1)
  expect(points.at(-1)).toEqual({ attributes: { 'otel.metric.overflow': 'true' }, value: maxSeries * 2 })
  expect(points[0]).toEqual({ attributes: { model: 'm0' }, value: 2 })
  expect(histogram.read().points.at(-1)).toMatchObject({ count: maxSeries * 2 })
})
