import type { Period } from './period.ts'

/** Whom a charge counts for. A bottle's chain goes from the most specific scope to the host. */
export type ScopeKind = 'run' | 'agent' | 'bottle' | 'host'

export interface Scope {
  readonly kind: ScopeKind
  /** Bottle id for `run`, a definition's name for `agent` and `bottle`, '' for `host`. */
  readonly name: string
}

/** The one spelling of a scope in the ledger and in messages: `run:claude-x1y2`, `bottle:web`, `host`. */
export function scopeKey({ kind, name }: Scope): string {
  return kind === 'host' ? 'host' : `${kind}:${name}`
}

/** The scope of such a key; `undefined` for a text that is none. */
export function parseScope(text: string): Scope | undefined {
  if (text === 'host') return { kind: 'host', name: '' }
  const [, kind, name] = /^(run|agent|bottle):([a-z0-9][a-z0-9_-]*)$/.exec(text) ?? []
  return kind === undefined || name === undefined ? undefined : { kind: kind as ScopeKind, name }
}

/** Names one budget: a limit for one provider at one scope in each period of a kind. */
export interface BudgetKey {
  readonly scope: string
  readonly provider: string
  readonly period: Period
}

/** Names one counter: tokens of one provider at one scope in one period, e.g. `day:2026-11-22`. */
export interface CounterKey {
  readonly scope: string
  readonly provider: string
  readonly period: string
}

export function isSameCounter(one: CounterKey, other: CounterKey): boolean {
  return one.scope === other.scope && one.provider === other.provider && one.period === other.period
}

/** Whether no bottle but one is ever charged there: hosts that share budgets need not speak of it. */
export function isOfOneRun({ scope, period }: CounterKey): boolean {
  return scope.startsWith('run:') || period.startsWith('run:')
}

export interface Counter extends CounterKey {
  /** `null`: no budget is defined here; the counter only counts. */
  readonly limitTokens: number | null
  readonly settledTokens: number
  readonly reservedTokens: number
}
