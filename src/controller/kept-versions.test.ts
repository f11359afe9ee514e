/** What earlier versions wrote, as they wrote it: whoever raises a version adds the last one of the version before. */
import { describe, expect, it } from 'vitest'
import { planOf, planVersion } from './bottle-plan.ts'
import { upgraded } from './kept-versions.ts'

const plans = {
  1: '{"version":1,"heldBy":"client","chain":["run:x-1","host:"],"budgets":[],"egress":{"routes":[],"providers":[]},"log":1,"learns":false,"keepsWorkspace":true,"givenVariables":["ANTHROPIC_API_KEY"],"gate":"lease","weights":"raw","preflight":false}',
  2: '{"version":2,"heldBy":"client","chain":["run:x-1","host:"],"budgets":[],"egress":{"routes":[],"providers":[]},"log":1,"learns":false,"limits":{"memoryBytes":1000,"processes":10,"diskBytes":null,"cpuWeight":50},"keepsWorkspace":true,"givenVariables":[],"gate":"lease","weights":"raw","preflight":false}',
} as const

describe('the plan of a bottle', () => {
  it('is read whichever version wrote it', () => {
    expect(Object.keys(plans).map(Number)).toEqual(Array.from({ length: planVersion }, (_, index) => index + 1))
    for (const text of Object.values(plans)) {
      expect(planOf(text)).toMatchObject({ version: planVersion, chain: ['run:x-1', 'host:'], gate: 'lease' })
    }
  })

  it('has no limits where it was started before there were any', () => {
    const none = { memoryBytes: null, processes: null, diskBytes: null, cpuWeight: 100 }
    expect(planOf(plans[1]).limits).toEqual(none)
    expect(planOf(plans[2]).limits).toMatchObject({ memoryBytes: 1000, processes: 10 })
  })

  it.each(['{"version":99}', '{"version":0}', '{"version":1.5}', '{"version":"2"}', '{}'])(
    'is refused as %s',
    (text) => {
      expect(() => planOf(text)).toThrow(/its plan is of version .*, and this one knows up to \d/)
    },
  )
})

it('a file goes through every version between its own and ours', () => {
  const file = {
    name: 'x',
    steps: [
      () => ({ two: true }),
      (older: object) => ({ ...older, three: true }),
      (older: object) => ({ ...older, four: true }),
    ],
  }
  expect(upgraded('{"version":1,"one":true}', file)).toEqual({ version: 4, two: true, three: true, four: true })
  expect(upgraded('{"version":3,"kept":1}', file)).toEqual({ version: 4, kept: 1, four: true })
  expect(upgraded('{"version":4,"kept":1}', file)).toEqual({ version: 4, kept: 1 })
})
