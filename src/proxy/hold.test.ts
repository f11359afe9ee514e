import { describe, expect, it } from 'vitest'
import { weightPresets } from '../core/budget/weights.ts'
import { holdFor } from './hold.ts'
import { leaseChunkTokens, strictOutputTokens } from './limits.ts'

const { raw, effective } = weightPresets
const foreseen = { inputTokens: 1_000, upperInputTokens: 1_300, maxOutputTokens: 8_000, answerCount: 1 }

describe('what an exchange holds', () => {
  it('by a lease is the estimated input and a chunk of output', () => {
    expect(holdFor(foreseen, { gate: 'lease', weights: raw })).toEqual({
      holdTokens: 1_000 + leaseChunkTokens,
      chunkTokens: leaseChunkTokens,
      holdsRoom: true,
    })
  })

  it('strictly is all that it may cost; where the client allows any output, a named amount', () => {
    expect(holdFor(foreseen, { gate: 'strict', weights: raw }).holdTokens).toBe(9_300)
    const unlimited = { ...foreseen, maxOutputTokens: undefined }
    expect(holdFor(unlimited, { gate: 'strict', weights: raw }).holdTokens).toBe(1_300 + strictOutputTokens)
    const several = { ...unlimited, answerCount: 3 }
    expect(holdFor(several, { gate: 'strict', weights: raw }).holdTokens).toBe(1_300 + 3 * strictOutputTokens)
  })

  it('with the gate off is known for a crash, and keeps nobody out', () => {
    expect(holdFor(foreseen, { gate: 'off', weights: raw })).toMatchObject({
      holdTokens: 1_000 + leaseChunkTokens,
      holdsRoom: false,
    })
  })

  it('weighs as charges do', () => {
    expect(holdFor(foreseen, { gate: 'lease', weights: effective })).toMatchObject({
      holdTokens: 1_000 + 5 * leaseChunkTokens,
      chunkTokens: 5 * leaseChunkTokens,
    })
    expect(holdFor(foreseen, { gate: 'strict', weights: effective }).holdTokens).toBe(1_300 + 40_000)
  })

  it('always gets ahead of need, also where output does not count', () => {
    expect(holdFor(foreseen, { gate: 'lease', weights: { ...raw, output: 0 } }).chunkTokens).toBe(1)
  })
})
