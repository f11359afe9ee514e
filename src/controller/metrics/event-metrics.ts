/**
 * What the controller's events say, as metrics: those of the OpenTelemetry conventions for generative AI where there is one, and our
 * own under `bot_bottle.`. Counted since the controller began, from the events alone: no database is asked.
 */
import { inputTokensOf } from '../../core/metering/usage.ts'
import { type Attributes, createCounter, createHistogram, gauge, type Metric } from '../../core/metrics/instruments.ts'
import type { ControllerEvent } from '../api.ts'

export interface EventMetrics {
  record(event: ControllerEvent): void
  read(): readonly Metric[]
}

type Settled = Extract<ControllerEvent, { kind: 'exchange_settled' }>

/** Exchanges whose requested model is remembered; beyond, the model that answered stands for it. */
const maxOpenExchanges = 20_000

/** Of the conventions, semantic conventions for generative AI client metrics. */
const tokenBoundaries = Array.from({ length: 14 }, (_, power) => 4 ** power)
const secondsBoundaries = Array.from({ length: 14 }, (_, power) => 2 ** power / 100)

/** Names of the conventions for who answers; others go by the name that the user gave them. */
const systems: Readonly<Record<string, string>> = { claude: 'anthropic', codex: 'openai', gemini: 'gcp.gemini' }

/** `agentOf`: of a bottle; undefined where it lives no more. */
export function createEventMetrics(agentOf: (bottleId: string) => string | undefined): EventMetrics {
  const open = new Map<string, { readonly provider: string; readonly model: string | null }>()
  /** Of the host's own files. Those that were used once are told ever after, also with 0. */
  const providers = new Set<string>()
  const tokenUsage = createHistogram({
    ...{ name: 'gen_ai.client.token.usage', unit: '{token}', boundaries: tokenBoundaries },
    description: 'Tokens of an exchange; input includes what a cache held.',
  })
  const duration = createHistogram({
    ...{ name: 'gen_ai.client.operation.duration', unit: 's', boundaries: secondsBoundaries },
    description: 'From the reservation of an exchange to its end.',
  })
  const tokens = createCounter({
    ...{ name: 'bot_bottle.tokens', unit: '{token}' },
    description: 'Tokens by class, each counted once.',
  })
  const charged = createCounter({
    ...{ name: 'bot_bottle.charged_tokens', unit: '{token}' },
    description: 'What budgets were charged, by what it rests on.',
  })
  const enforcements = createCounter({
    ...{ name: 'bot_bottle.enforcements', unit: '{enforcement}' },
    description: 'Cuts, freezes, kills, restores and resumes that ended.',
  })
  const warnings = createCounter({
    ...{ name: 'bot_bottle.budget.warnings', unit: '{warning}' },
    description: 'Budgets that reached a threshold.',
  })
  const denials = createCounter({
    ...{ name: 'bot_bottle.denials', unit: '{request}' },
    description: 'Requests that were refused.',
  })
  const limits = createCounter({
    ...{ name: 'bot_bottle.limits', unit: '{event}' },
    description: 'Times that a bottle exceeded a limit of its host.',
  })

  const settle = (event: Settled) => {
    const { attemptId, provider, model, usage, chargeTokens, source, ending, startedAtMs, atMs, bottleId } = event
    const requested = open.get(attemptId)?.model ?? model
    open.delete(attemptId)
    const agent = { 'bot_bottle.agent': agentOf(bottleId) ?? '' }
    const exchange: Attributes = {
      'gen_ai.operation.name': provider === 'gemini' ? 'generate_content' : 'chat',
      'gen_ai.provider.name': systems[provider] ?? provider,
      ...(requested !== null && { 'gen_ai.request.model': requested }),
      ...(model !== null && { 'gen_ai.response.model': model }),
      ...agent,
    }
    const isWhole = ending === 'complete'
    duration.record((atMs - startedAtMs) / 1_000, { ...exchange, ...(!isWhole && { 'error.type': ending }) })
    const own: Attributes = { 'bot_bottle.provider': provider, ...agent }
    charged.add(chargeTokens, { ...own, 'bot_bottle.source': source })
    if (source === 'unsent') return
    tokenUsage.record(inputTokensOf(usage), { ...exchange, 'gen_ai.token.type': 'input' })
    tokenUsage.record(usage.outputTokens ?? 0, { ...exchange, 'gen_ai.token.type': 'output' })
    const classes = {
      input: usage.inputTokens,
      cache_write: (usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0),
      cache_read: usage.cacheReadTokens,
      output: usage.outputTokens,
    }
    for (const [name, count = 0] of Object.entries(classes)) tokens.add(count, { ...own, 'bot_bottle.class': name })
  }

  return {
    record(event) {
      switch (event.kind) {
        case 'exchange_started':
          providers.add(event.provider)
          if (open.size < maxOpenExchanges) open.set(event.attemptId, event)
          return
        case 'exchange_settled':
          return settle(event)
        case 'warning':
          return warnings.add(1, {
            'bot_bottle.provider': event.counter.provider,
            'bot_bottle.threshold': String(event.thresholdPercent),
          })
        case 'enforcement':
          if (event.phase === 'intent') return
          return enforcements.add(1, {
            ...{ 'bot_bottle.action': event.action, 'bot_bottle.trigger': event.trigger },
            'bot_bottle.outcome': event.phase,
          })
        case 'denied':
          return denials.add(1, { 'bot_bottle.code': event.code, 'bot_bottle.agent': agentOf(event.bottleId) ?? '' })
        case 'limit':
          return limits.add(1, { 'bot_bottle.limit': event.limit })
      }
    },
    read() {
      const byProvider = Map.groupBy(open.values(), ({ provider }) => provider)
      const openExchanges = gauge(
        { name: 'bot_bottle.open_exchanges', unit: '{exchange}', description: 'Exchanges in flight.' },
        [...providers].map((provider) => ({
          attributes: { 'bot_bottle.provider': provider },
          value: byProvider.get(provider)?.length ?? 0,
        })),
      )
      const counted = [tokenUsage, duration, tokens, charged, enforcements, warnings, denials, limits]
      return [...counted.map((one) => one.read()), openExchanges]
    },
  }
}
