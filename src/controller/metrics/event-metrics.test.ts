import { expect, test } from 'vitest'
import { prometheusText } from '../../core/metrics/prometheus-text.ts'
import type { ControllerEvent } from '../api.ts'
import { createEventMetrics } from './event-metrics.ts'

type Settled = Extract<ControllerEvent, { kind: 'exchange_settled' }>

const bottleId = 'web-3fa2c1'
const started = (attemptId: string, changes: object = {}): ControllerEvent => ({
  ...{ kind: 'exchange_started', bottleId, attemptId, provider: 'claude', model: 'opus', holdTokens: 9, atMs: 1_000 },
  ...changes,
})
const settled = (attemptId: string, changes: Partial<Settled> = {}): ControllerEvent => ({
  ...{ kind: 'exchange_settled', bottleId, attemptId, provider: 'claude', model: 'opus-4-8', chargeTokens: 117 },
  ...{ source: 'authoritative', ending: 'complete', startedAtMs: 1_000, atMs: 3_500, governing: null, counters: [] },
  usage: {
    inputTokens: 10,
    cacheWrite5mTokens: 3,
    cacheWrite1hTokens: 4,
    cacheReadTokens: 80,
    outputTokens: 20,
    reasoningTokens: 5,
  },
  ...changes,
})
const after = (...events: readonly ControllerEvent[]) => {
  const metrics = createEventMetrics((id) => (id === bottleId ? 'reviewer' : undefined))
  for (const event of events) metrics.record(event)
  return prometheusText(metrics.read()).split('\n')
}
const whole =
  'gen_ai_operation_name="chat",gen_ai_provider_name="anthropic",gen_ai_request_model="opus",gen_ai_response_model="opus-4-8",bot_bottle_agent="reviewer"'

test('an exchange counts as the conventions for generative AI say, its input with what a cache held', () => {
  const lines = after(started('a'), settled('a'))
  expect(lines).toEqual(
    expect.arrayContaining([
      `gen_ai_client_token_usage_sum{${whole},gen_ai_token_type="input"} 97`,
      `gen_ai_client_token_usage_bucket{${whole},gen_ai_token_type="input",le="64"} 0`,
      `gen_ai_client_token_usage_bucket{${whole},gen_ai_token_type="input",le="256"} 1`,
      `gen_ai_client_token_usage_sum{${whole},gen_ai_token_type="output"} 20`,
      `gen_ai_client_operation_duration_seconds_sum{${whole}} 2.5`,
    ]),
  )
})

test('classes of tokens are told apart, and together they are what input and output are', () => {
  const own = 'bot_bottle_provider="claude",bot_bottle_agent="reviewer"'
  const lines = after(settled('a'), settled('b'))
  expect(lines.filter((line) => line.startsWith('bot_bottle_tokens_total'))).toEqual([
    `bot_bottle_tokens_total{${own},bot_bottle_class="input"} 20`,
    `bot_bottle_tokens_total{${own},bot_bottle_class="cache_write"} 14`,
    `bot_bottle_tokens_total{${own},bot_bottle_class="cache_read"} 160`,
    `bot_bottle_tokens_total{${own},bot_bottle_class="output"} 40`,
  ])
  expect(lines).toContain(`bot_bottle_charged_tokens_total{${own},bot_bottle_source="authoritative"} 234`)
})

test('what did not end as it should has an error type; what was never sent used no tokens', () => {
  const lines = after(
    started('a', { provider: 'gemini', model: null }),
    settled('a', { provider: 'gemini', model: null, ending: 'cut', source: 'unsent', usage: {}, chargeTokens: 0 }),
  )
  const attributes =
    'gen_ai_operation_name="generate_content",gen_ai_provider_name="gcp.gemini",bot_bottle_agent="reviewer",error_type="cut"'
  expect(lines).toContain(`gen_ai_client_operation_duration_seconds_count{${attributes}} 1`)
  expect(lines.filter((line) => line.startsWith('gen_ai_client_token_usage'))).toEqual([])
})

test('exchanges are open from their start to their end, by provider', () => {
  const open = (...events: readonly ControllerEvent[]) =>
    after(...events).filter((line) => line.startsWith('bot_bottle_open_exchanges'))
  const starts = [started('a'), started('b'), started('c', { provider: 'codex' })]
  expect(open(...starts)).toEqual([
    'bot_bottle_open_exchanges{bot_bottle_provider="claude"} 2',
    'bot_bottle_open_exchanges{bot_bottle_provider="codex"} 1',
  ])
  expect(open(...starts, settled('a'), settled('b'), settled('c'))).toEqual([
    'bot_bottle_open_exchanges{bot_bottle_provider="claude"} 0',
    'bot_bottle_open_exchanges{bot_bottle_provider="codex"} 0',
  ])
})

test('enforcement counts once, when it ends; denials by their code, also of a bottle that is gone', () => {
  const cut = {
    kind: 'enforcement',
    bottleId,
    action: 'cutoff',
    trigger: 'budget',
    detail: '',
    reason: '',
    atMs: 1,
  } as const
  const refused = { method: 'GET', host: 'x', path: '/', status: 403, code: 'host_not_allowed', reason: '' }
  const lines = after(
    { ...cut, phase: 'intent' },
    { ...cut, phase: 'done' },
    { kind: 'denied', bottleId: 'gone', ...refused, atMs: 1 },
  )
  expect(lines).toEqual(
    expect.arrayContaining([
      'bot_bottle_enforcements_total{bot_bottle_action="cutoff",bot_bottle_trigger="budget",bot_bottle_outcome="done"} 1',
      'bot_bottle_denials_total{bot_bottle_code="host_not_allowed",bot_bottle_agent=""} 1',
    ]),
  )
  expect(lines.filter((line) => line.startsWith('bot_bottle_enforcements_total'))).toHaveLength(1)
})
