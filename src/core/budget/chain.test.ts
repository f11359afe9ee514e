import { describe, expect, it } from 'vitest'
import { counterChain, governing, scopeChain } from './chain.ts'

const bottle = { id: 'rev-1', agent: 'reviewer', definitions: ['base', 'web'] }
const chain = counterChain(scopeChain(bottle), 'claude')

describe('the chain of a bottle', () => {
  it('goes from the run over agent and definitions, the later one nearer, to the host', () => {
    expect(chain.map(({ scope }) => scope)).toEqual([
      'run:rev-1',
      'agent:reviewer',
      'bottle:web',
      'bottle:base',
      'host',
    ])
  })

  it('carries one provider only, in the period of all time (L16)', () => {
    expect(new Set(chain.map(({ provider, period }) => `${provider} ${period}`))).toEqual(new Set(['claude total']))
  })

  it('keeps scopes apart that share a name', () => {
    const same = counterChain(scopeChain({ id: 'x', agent: 'x', definitions: ['x'] }), 'claude')
    expect(new Set(same.map(({ scope }) => scope)).size).toBe(4)
  })
})

describe('the governing budget', () => {
  const governs = (...limited: string[]) => governing(chain, ({ scope }) => limited.includes(scope))?.scope

  it('is the most specific one that is defined (L15)', () => {
    expect(governs('host')).toBe('host')
    expect(governs('host', 'bottle:base')).toBe('bottle:base')
    expect(governs('host', 'bottle:base', 'bottle:web')).toBe('bottle:web')
    expect(governs('bottle:web', 'agent:reviewer')).toBe('agent:reviewer')
    expect(governs('host', 'agent:reviewer', 'run:rev-1')).toBe('run:rev-1')
  })

  it('is none where none is defined, nor by those of other bottles', () => {
    expect(governs()).toBeUndefined()
    expect(governs('run:rev-2', 'bottle:other')).toBeUndefined()
  })
})
