/** Bottles, budgets and events for the dashboard's tests, and a state that they lead to. */
import type { AuditList, BottleView, BudgetView, ControllerEvent } from '../controller/api.ts'
import { hourMs } from '../core/calendar.ts'
import { reduce } from './model/reduce.ts'
import { initialState, type Message, type State } from './model/state.ts'

export const nowMs = Date.UTC(2026, 10, 22, 12, 30)

export function bottle(id: string, changes: Partial<BottleView> = {}): BottleView {
  const agent = id.replace(/-[^-]*$/, '')
  return {
    ...{ id, agent, definitions: [agent], state: 'running', policy: 'cutoff', contained: true, detached: false },
    ...{ createdAtMs: nowMs - 12 * 60_000, endedAtMs: null, exitCode: null, chargedTokens: 0, openExchanges: 0 },
    budgets: [counterOf(budget('host'))],
    scopes: [`run:${id}`, `agent:${agent}`, 'host'],
    ...changes,
  }
}

export function budget(scope: string, changes: Partial<BudgetView> = {}): BudgetView {
  const limitTokens = 100_000
  return {
    ...{ scope, provider: 'claude', period: 'total', always: false, origin: 'file', resetsAtMs: null },
    ...{ limitTokens, settledTokens: 0, reservedTokens: 0, leftTokens: limitTokens, holdsFor: [], overruledFor: [] },
    recent: { usedTokens: 0, exchanges: 0, sinceMs: nowMs - 2 * hourMs },
    forecast: { kind: 'idle' },
    ...changes,
  }
}

export function counterOf({ scope, provider, period, limitTokens, settledTokens, reservedTokens }: BudgetView) {
  return { scope, provider, period, limitTokens, settledTokens, reservedTokens }
}

type Of<Kind extends ControllerEvent['kind']> = Extract<ControllerEvent, { kind: Kind }>

const about = (bottleId: string, attemptId: string) => ({ bottleId, attemptId, provider: 'claude', atMs: nowMs })

export function started(bottleId: string, attemptId: string): Of<'exchange_started'> {
  return { kind: 'exchange_started', ...about(bottleId, attemptId), model: 'claude-opus-4-8', holdTokens: 500 }
}

export function progressed(bottleId: string, attemptId: string, observedTokens: number): Of<'exchange_progress'> {
  const heldTokens = observedTokens + 100
  return { kind: 'exchange_progress', ...about(bottleId, attemptId), observedTokens, heldTokens }
}

export function settled(
  bottleId: string,
  attemptId: string,
  changes: Partial<Of<'exchange_settled'>> = {},
): Of<'exchange_settled'> {
  return {
    ...{
      kind: 'exchange_settled',
      ...about(bottleId, attemptId),
      model: 'claude-opus-4-8',
      startedAtMs: nowMs - 4_000,
    },
    usage: { inputTokens: 100, cacheReadTokens: 2_000, outputTokens: 300 },
    ...{ chargeTokens: 2_400, source: 'authoritative', ending: 'complete', governing: null, counters: [] },
    ...changes,
  }
}

export function enforced(bottleId: string, changes: Partial<Of<'enforcement'>> = {}): Of<'enforcement'> {
  const reason = 'budget spent (this host): 100,001 of 100,000 claude tokens used. It does not reset by itself.'
  return {
    ...{ kind: 'enforcement', bottleId, action: 'cutoff', trigger: 'budget', phase: 'intent' },
    ...{ detail: reason, reason, atMs: nowMs },
    ...changes,
  }
}

export function denied(bottleId: string, path = '/x'): Of<'denied'> {
  return {
    ...{ kind: 'denied', bottleId, method: 'GET', host: 'refused.example', path, status: 403, code: 'no_route' },
    ...{ reason: 'no route allows refused.example', atMs: nowMs },
  }
}

export const auditEntries: AuditList = [
  { ...entry(1, 'intent'), detail: 'budget spent (this host): 100,001 of 100,000 claude tokens used.' },
  { ...entry(2, 'step'), step: 'close', detail: '1 open exchange ended' },
  { ...entry(3, 'done'), detail: '1 open exchange ended', atMs: nowMs - 59_968 },
]

function entry(sequence: number, phase: AuditList[number]['phase']): AuditList[number] {
  return {
    ...{ sequence, enforcementId: 'e1', bottleId: 'spent-4d', action: 'cutoff', trigger: 'budget', phase },
    ...{ step: null, detail: '', atMs: nowMs - 60_000 },
  }
}

export function after(...messages: readonly Message[]): State {
  return messages.reduce((state, message) => reduce(state, message, nowMs).state, initialState(nowMs))
}

export const events = (...told: readonly ControllerEvent[]): Message => ({ kind: 'events', events: told })

/** Seven bottles as they may be on a busy day. */
export function busyDay(): State {
  const web = budget('bottle:web', { limitTokens: 20_000, settledTokens: 17_300, period: 'day:2026-11-22' })
  const budgets = [
    budget('host', {
      ...{
        limitTokens: 5_000_000,
        settledTokens: 2_610_000,
        period: 'month:2026-11',
        resetsAtMs: Date.UTC(2026, 11, 1),
      },
      recent: { usedTokens: 1_230_000, exchanges: 214, sinceMs: nowMs - 2.5 * hourMs },
      holdsFor: ['claude-3fa2c1', 'reviewer-77ab01'],
    }),
    { ...web, resetsAtMs: Date.UTC(2026, 10, 23), holdsFor: ['web-0c11'] },
    budget('run:spent-4d', { limitTokens: 2_500, settledTokens: 2_501, holdsFor: ['spent-4d'], origin: 'operator' }),
  ]
  const host = budgets.slice(0, 1).map(counterOf)
  return after(
    { kind: 'connected' },
    {
      kind: 'bottles',
      bottles: [
        bottle('claude-3fa2c1', { budgets: host, createdAtMs: nowMs - 3 * hourMs }),
        bottle('reviewer-77ab01', { budgets: host, policy: 'freeze', state: 'frozen' }),
        bottle('web-0c11', { budgets: [counterOf(web)], definitions: ['web', 'base'] }),
        bottle('spent-4d', { budgets: budgets.slice(2).map(counterOf), state: 'cut' }),
        bottle('quiet-9a', { budgets: [] }),
      ],
    },
    { kind: 'budgets', budgets },
    { kind: 'audit', audit: auditEntries },
    events(
      {
        kind: 'bottle',
        bottle: bottle('claude-3fa2c1', { budgets: host, createdAtMs: nowMs - 3 * hourMs }),
        atMs: nowMs,
      },
      { kind: 'bottle', bottle: bottle('web-0c11', { budgets: [counterOf(web)] }), atMs: nowMs },
      started('claude-3fa2c1', 'a'),
      progressed('claude-3fa2c1', 'a', 12_300),
      settled('web-0c11', 'b'),
      denied('web-0c11'),
      started('web-0c11', 'c'),
      progressed('web-0c11', 'c', 900),
    ),
  )
}
