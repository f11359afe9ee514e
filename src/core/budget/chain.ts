import { periodKey, periods } from './period.ts'
import type { Scope } from './scope.ts'

/** Whom a bottle's charges count for, most specific first: its run, its agent, its definitions, the host. */
export function scopeChain(bottle: {
  readonly id: string
  readonly agent: string
  /** Names of its definitions and of all that they extend, nearest first; one that is met twice counts where it is nearer. */
  readonly definitions: readonly string[]
}): readonly Scope[] {
  return [
    { kind: 'run', name: bottle.id },
    { kind: 'agent', name: bottle.agent },
    ...[...new Set(bottle.definitions)].map((name): Scope => ({ kind: 'bottle', name })),
    { kind: 'host', name: '' },
  ]
}

/** The keys of all periods that a charge counts in which a bottle with these scopes makes at this moment. */
export function periodKeysOf(
  scopes: readonly string[],
  atMs: number,
  ofAnyRun = periodKeysOfAnyRun(atMs),
): readonly string[] {
  const run = scopes.find((scope) => scope.startsWith('run:'))
  return run === undefined ? ofAnyRun : [...ofAnyRun, run]
}

/** The same for all bottles: what is not the period of a run. */
export function periodKeysOfAnyRun(atMs: number): readonly string[] {
  return periodsOfAnyRun.map((period) => periodKey(period, { atMs, run: '' }))
}

const periodsOfAnyRun = periods.filter((period) => period !== 'run')
