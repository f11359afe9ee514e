import { type CounterKey, type Scope, scopeKey } from './scope.ts'

/** Whom a bottle's charges count for, most specific first: its run, its agent, its definitions (the later nearer), the host. */
export function scopeChain(bottle: {
  readonly id: string
  readonly agent: string
  readonly definitions: readonly string[]
}): readonly Scope[] {
  return [
    { kind: 'run', name: bottle.id },
    { kind: 'agent', name: bottle.agent },
    ...bottle.definitions.toReversed().map((name): Scope => ({ kind: 'bottle', name })),
    { kind: 'host', name: '' },
  ]
}

/** The counters that a charge of one provider is added to, most specific first. */
export function counterChain(scopes: readonly Scope[], provider: string): readonly CounterKey[] {
  return scopes.map((scope) => ({ scope: scopeKey(scope), provider, period: 'total' }))
}

/** The counter whose budget holds: the most specific that has a limit. `hasLimit` says which do. */
export function governing(
  chain: readonly CounterKey[],
  hasLimit: (key: CounterKey) => boolean,
): CounterKey | undefined {
  return chain.find(hasLimit)
}
