/**
 * Compares what the provider served and what clients got with what the ledger says.
 *
 * **Lost**: the provider served it, and no event charges it. **Doubled**: two events do. **Wrong**: the ledger says that the
 * provider reported its charge, and it did not; or that nobody saw an end which a living controller passed on. **Short**:
 * charged by an estimate that is clearly below the input, or below the whole where the client had the whole. Output that the
 * provider told of and that was lost on its way was seen by nobody: it is charged at its hold, and counted apart.
 */
import { weightPresets } from '../../src/core/budget/weights.ts'
import { chargeOf, inputTokensOf } from '../../src/core/metering/usage.ts'
import type { ServedRequest } from '../../src/demo/provider/request-log.ts'
import type { UsageEvent } from '../../src/ledger/ledger.ts'
import type { SeenExchange } from './load-clients.ts'

export type ServedExchange = Pick<ServedRequest, 'model' | 'path' | 'status' | 'reported' | 'billed' | 'end'>

/** A hold is made to be enough; input that no provider told until a cut is charged by an estimate, which may be below it. */
const estimatedShare = 0.75

export interface Books {
  readonly served: readonly ServedExchange[]
  readonly seen: readonly SeenExchange[]
  readonly events: readonly UsageEvent[]
}

export interface Findings {
  readonly served: number
  /** Charged as the provider reported. */
  readonly exact: number
  /** Of those that are not: charged at their hold, since the controller died. */
  readonly unseen: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  readonly wrong: readonly string[]
  readonly short: readonly string[]
  /** Charged below what the provider told and no client got. */
  readonly lostOnTheWay: number
  /** By how much at most. */
  readonly mostShortTokens: number
}

export function compareBooks({ served, seen, events }: Books): Findings {
  const eventsOf = Map.groupBy(events, ({ model }) => model ?? '')
  const wholeModels = new Set(seen.filter(({ isWhole }) => isWhole).map(({ model }) => model))
  const findings = { served: 0, exact: 0, unseen: 0, lostOnTheWay: 0, mostShortTokens: 0 }
  const lost: string[] = []
  const doubled: string[] = []
  const wrong: string[] = []
  const short: string[] = []

  for (const { model = '', path, reported, billed, end } of served) {
    if (end === 'open') wrong.push(`${model} ${path}: the provider still serves it`)
    if (Object.keys(billed).length === 0) continue
    findings.served += 1
    const [event, another] = eventsOf.get(model) ?? []
    const reportedTokens = chargeOf(reported, weightPresets.raw)
    const isWhole = wholeModels.has(model)
    const told = `${model} ${path}: reported ${reportedTokens}, ${end}${isWhole ? ', whole at the client' : ''}`
    if (!event) {
      lost.push(told)
      continue
    }
    const charged = `${told}; charged ${event.chargeTokens}, ${event.source}, ${event.ending}`
    if (another) doubled.push(charged)
    if (event.source === 'authoritative') {
      findings.exact += 1
      // The event by which the provider tells of its failure may report usage; its log does not.
      if (end !== 'failed' && event.chargeTokens !== reportedTokens) wrong.push(charged)
      continue
    }
    if (event.ending === 'controller_gone') findings.unseen += 1
    // Whoever lives on sees an end that its client saw.
    else if (isWhole) wrong.push(charged)
    const shortTokens = reportedTokens - event.chargeTokens
    const inputShare = event.ending === 'controller_gone' ? 1 : estimatedShare
    const floorTokens = isWhole ? reportedTokens : Math.floor(inputTokensOf(reported) * inputShare)
    if (event.chargeTokens < floorTokens) short.push(charged)
    else if (shortTokens > 0) {
      findings.lostOnTheWay += 1
      findings.mostShortTokens = Math.max(findings.mostShortTokens, shortTokens)
    }
  }
  const servedModels = new Set(served.map(({ model }) => model))
  for (const { model, source, chargeTokens } of events) {
    if (source === 'authoritative' && !servedModels.has(model ?? ''))
      wrong.push(`${model}: charged ${chargeTokens}, never served`)
  }
  return { ...findings, lost, doubled, wrong, short }
}
