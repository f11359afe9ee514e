import { describe, expect, it } from 'vitest'
import { periodKeysOf, scopeChain } from './chain.ts'
import { parseScope, scopeKey } from './scope.ts'

const chainOf = (definitions: readonly string[], names = { id: 'rev-1', agent: 'reviewer' }) =>
  scopeChain({ ...names, definitions }).map(scopeKey)

describe('the chain of a bottle', () => {
  it('goes from the run over the agent and the definitions, nearest first, to the host', () => {
    expect(chainOf(['web', 'base'])).toEqual(['run:rev-1', 'agent:reviewer', 'bottle:web', 'bottle:base', 'host'])
  })

  it('has a definition once that is met twice, where it is nearer (L18)', () => {
    expect(chainOf(['web', 'base', 'docs', 'base']).slice(2, -1)).toEqual(['bottle:web', 'bottle:base', 'bottle:docs'])
  })

  it('keeps scopes apart that share a name', () => {
    expect(new Set(chainOf(['x'], { id: 'x', agent: 'x' })).size).toBe(4)
  })
})

describe('the key of a scope', () => {
  it('reads as the scope that it was written for', () => {
    for (const scope of scopeChain({ id: 'rev-1', agent: 'rev_2', definitions: ['web'] })) {
      expect(parseScope(scopeKey(scope))).toEqual(scope)
    }
  })

  it.each(['', 'run', 'host:', 'host:x', 'bottle:', 'bottle:Web', 'bottle:a b', 'team:web', 'bottle:web:x', ' host'])(
    'is not %j',
    (text) => {
      expect(parseScope(text)).toBeUndefined()
    },
  )
})

describe('the periods that a charge counts in', () => {
  it('are that of its run and those of the calendar', () => {
    expect(periodKeysOf(['run:rev-1', 'host'], Date.UTC(2026, 10, 22))).toEqual([
      ...['total', 'day:2026-11-22', 'week:2026-W47', 'month:2026-11', 'run:rev-1'],
    ])
  })

  it('have no run where there is none', () => {
    expect(periodKeysOf(['host'], 0)).toEqual(['total', 'day:1970-01-01', 'week:1970-W01', 'month:1970-01'])
  })
})
