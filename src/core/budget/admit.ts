import type { Counter } from './scope.ts'

export type Decision =
  | { readonly kind: 'admit' }
  | { readonly kind: 'pending'; readonly shortTokens: number }
  | { readonly kind: 'exhausted'; readonly shortTokens: number }

type CounterState = Pick<Counter, 'limitTokens' | 'settledTokens' | 'reservedTokens'>

/**
 * Decides whether a counter has room for a hold. `ownHoldTokens` is what the asker already holds there (0 before the
 * first hold), so that the same predicate serves reserve and extend.
 *
 * `pending` means the room is only held by others and may come back; `exhausted` means it is spent.
 */
export function admit(
  holdTokens: number,
  { limitTokens, settledTokens, reservedTokens }: CounterState,
  ownHoldTokens = 0,
): Decision {
  if (limitTokens === null) return { kind: 'admit' }
  const shortTokens = settledTokens + reservedTokens - ownHoldTokens + holdTokens - limitTokens
  if (shortTokens <= 0) return { kind: 'admit' }
  return { kind: settledTokens + holdTokens > limitTokens ? 'exhausted' : 'pending', shortTokens }
}

/** Whether not even one token more would be admitted if nobody held any. */
export function isSpent({ limitTokens, settledTokens }: Omit<CounterState, 'reservedTokens'>): boolean {
  return limitTokens !== null && settledTokens >= limitTokens
}
