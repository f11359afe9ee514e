/**
 * Metrics for machines, where settings ask for them: collected from events and counters, shown to Prometheus, sent by OTLP. None of it is
 * in the way of an exchange, and no failure of it reaches one.
 */
import { hostname } from 'node:os'
import type { Counter as BudgetCounter } from '../../core/budget/scope.ts'
import type { Metrics } from '../../core/manifest/metrics-notation.ts'
import { gauge, type Metric } from '../../core/metrics/instruments.ts'
import { otlpMetrics } from '../../core/metrics/otlp-json.ts'
import { prometheusText } from '../../core/metrics/prometheus-text.ts'
import { packageVersion } from '../../host/version.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { ChannelStatus } from '../api.ts'
import type { EventBus } from '../event-bus.ts'
import { createEventMetrics } from './event-metrics.ts'
import { createLedgerMetrics, timedLedger } from './ledger-metrics.ts'
import { openOtlpExporter } from './otlp-exporter.ts'
import { openPrometheusServer } from './prometheus-server.ts'

export interface MeterOptions {
  readonly bus: EventBus
  agentOf(bottleId: string): string | undefined
  readonly nowMs: () => number
  onBug(error: unknown): void
}

/** What is as it is when it is looked at. */
export interface MeterSources {
  /** Of every budget in force. Rows of counters, never sums. */
  budgets(): Promise<readonly BudgetCounter[]>
  livingBottles(): number
  notifications(): readonly ChannelStatus[]
}

export interface ExportOptions extends MeterSources {
  readonly settings: Metrics
  readonly extraCa: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  onNotice(sentence: string): void
}

export interface Meter {
  /** The same ledger, with its calls timed. */
  timed(ledger: Ledger): Ledger
  /** Disposing ends all export. */
  startExport(options: ExportOptions): AsyncDisposable
}

/** A ledger that does not answer leaves budgets out. */
const budgetsTimeoutMs = 2_000

export function createMeter({ bus, agentOf, nowMs, onBug }: MeterOptions): Meter {
  const startedAtMs = nowMs()
  const events = createEventMetrics(agentOf)
  const ledgerDurations = createLedgerMetrics()
  return {
    timed: (ledger) => timedLedger(ledger, ledgerDurations),
    startExport({ settings, extraCa, environment, onNotice, ...sources }) {
      const stack = new AsyncDisposableStack()
      const read = async (): Promise<readonly Metric[]> => [
        ...events.read(),
        ledgerDurations.read(),
        ...(await readSources(sources)),
      ]
      stack.use(
        bus.subscribe((event) => {
          try {
            events.record(event)
          } catch (error) {
            onBug(error)
          }
        }),
      )
      if (settings.prometheus) {
        stack.use(
          openPrometheusServer({ ...settings.prometheus, text: async () => prometheusText(await read()), onNotice }),
        )
      }
      if (settings.otlp) {
        const resource = { 'service.name': 'bot-bottle', 'service.version': packageVersion(), 'host.name': hostname() }
        const body = async () =>
          otlpMetrics(await read(), { resource, version: packageVersion(), startedAtMs, nowMs: nowMs() })
        const { intervalSeconds, ...otlp } = settings.otlp
        stack.use(
          openOtlpExporter({ ...otlp, intervalMs: intervalSeconds * 1_000, extraCa, environment, body, onNotice }),
        )
      }
      return stack
    },
  }
}

async function readSources({ budgets, livingBottles, notifications }: MeterSources): Promise<readonly Metric[]> {
  const late = Promise.withResolvers<readonly BudgetCounter[]>()
  const timer = setTimeout(() => late.resolve([]), budgetsTimeoutMs)
  const counters = await Promise.race([budgets().catch(() => []), late.promise]).finally(() => clearTimeout(timer))
  const ofBudgets = (name: string, description: string, value: (counter: BudgetCounter) => number) =>
    gauge(
      { name: `bot_bottle.budget.${name}`, unit: '{token}', description },
      counters.map((counter) => ({ attributes: budgetAttributes(counter), value: value(counter) })),
    )
  const ofChannels = (name: string, description: string, value: (status: ChannelStatus) => number) => ({
    ...{ name: `bot_bottle.notifications.${name}`, unit: '{notification}', description },
    points: notifications().map((status) => ({
      attributes: { 'bot_bottle.channel': status.channel },
      value: value(status),
    })),
  })
  return [
    ofBudgets('limit', 'The limit of a budget.', ({ limitTokens }) => limitTokens ?? 0),
    ofBudgets('settled', 'What was charged to a budget in its period.', ({ settledTokens }) => settledTokens),
    ofBudgets('held', 'What exchanges in flight hold of a budget.', ({ reservedTokens }) => reservedTokens),
    gauge({ name: 'bot_bottle.bottles', unit: '{bottle}', description: 'Bottles that live.' }, [
      { attributes: {}, value: livingBottles() },
    ]),
    { kind: 'counter', ...ofChannels('delivered', 'Notifications that arrived.', ({ delivered }) => delivered) },
    { kind: 'counter', ...ofChannels('given_up', 'Notifications that were given up.', ({ givenUp }) => givenUp) },
    { kind: 'gauge', ...ofChannels('waiting', 'Notifications that wait.', ({ waiting }) => waiting) },
  ]
}

/** Without the moment of a period: `day`, not `day:2026-11-22`, so that a new day is no new series. */
function budgetAttributes({ scope, provider, period }: BudgetCounter) {
  return {
    'bot_bottle.scope': scope,
    'bot_bottle.provider': provider,
    'bot_bottle.period': period.split(':', 1)[0] ?? '',
  }
}
