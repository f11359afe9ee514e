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
export function periodKeysOf(scopes: readonly string[], atMs: number): readonly string[] {
  const run = scopes.find((scope) => scope.startsWith('run:'))
  if (run === undefined) return periodsWithoutRun.map((period) => periodKey(period, { atMs, run: '' }))
  return periods.map((period) => periodKey(period, { atMs, run }))
}

const periodsWithoutRun = periods.filter((period) => period !== 'run')
