/**
 * What bottles do now and did in the last hour, folded from the controller's events: by the controller itself, and by whoever
 * watches it, from where the controller's own fold stood when the watching began. So all who watch see the same.
 */
import type { Usage } from '../metering/usage.ts'
import { type Flow, flowed, flowKey } from './flow.ts'

/** Settled. */
export interface TokensByClass {
  /** Uncached. */
  readonly inputTokens: number
  readonly cacheWriteTokens: number
  readonly cacheReadTokens: number
  readonly outputTokens: number
}

export interface OpenExchange {
  readonly attemptId: string
  readonly provider: string
  readonly model: string | null
  readonly startedAtMs: number
  /** What it would be charged if it ended now. */
  readonly observedTokens: number
  /** What is held of its budgets. */
  readonly heldTokens: number
}

export interface BottleActivity {
  readonly bottleId: string
  /** Keys of the scopes that it is charged to, the most specific first; none once it has ended. */
  readonly scopes: readonly string[]
  /** Settled. */
  readonly exchanges: number
  readonly tokens: TokensByClass
  readonly chargedTokens: number
  /** Requests that were refused since the controller began. */
  readonly denials: number
  /** In flight, oldest first. */
  readonly open: readonly OpenExchange[]
}

export interface Activity {
  readonly bottles: ReadonlyMap<string, BottleActivity>
  readonly flows: ReadonlyMap<string, Flow>
}

interface OfExchange {
  readonly bottleId: string
  readonly attemptId: string
  readonly provider: string
  readonly atMs: number
}

/** Events as in the controller's `api.ts`, as far as they matter here. */
export type ActivityEvent =
  | (OfExchange & { readonly kind: 'exchange_started'; readonly model: string | null; readonly holdTokens: number })
  | (OfExchange & {
      readonly kind: 'exchange_progress'
      readonly observedTokens: number
      readonly heldTokens: number
    })
  | (OfExchange & { readonly kind: 'exchange_settled'; readonly usage: Usage; readonly chargeTokens: number })
  | { readonly kind: 'denied'; readonly bottleId: string }
  | {
      readonly kind: 'bottle'
      readonly bottle: { readonly id: string; readonly scopes: readonly string[] }
    }
  | { readonly kind: 'warning' | 'enforcement' | 'limit' | 'limits_changed' | 'activity' }

/** Of these the ones that ended go first. */
const maxBottles = 500
const maxFlows = 1_000

export const noActivity: Activity = { bottles: new Map(), flows: new Map() }
const noTokens: TokensByClass = { inputTokens: 0, cacheWriteTokens: 0, cacheReadTokens: 0, outputTokens: 0 }

export function idleBottle(bottleId: string): BottleActivity {
  return { bottleId, scopes: [], exchanges: 0, tokens: noTokens, chargedTokens: 0, denials: 0, open: [] }
}

/** Copies the maps once, so events are best folded many at a time. */
export function foldActivity(activity: Activity, events: readonly ActivityEvent[]): Activity {
  const bottles = new Map(activity.bottles)
  const flows = new Map(activity.flows)
  const bottleOf = (id: string) => bottles.get(id) ?? idleBottle(id)
  const put = (bottle: BottleActivity) => {
    bottles.set(bottle.bottleId, bottle)
    if (bottles.size > maxBottles) dropEnded(bottles)
  }
  const flow = ({ scopes }: BottleActivity, { provider, atMs }: OfExchange, tokens: number) => {
    if (tokens === 0) return
    for (const scope of scopes) {
      const key = flowKey(scope, provider)
      flows.set(key, flowed(flows.get(key) ?? { scope, provider, minute: 0, tokens: [] }, tokens, atMs))
      if (flows.size > maxFlows) dropFirst(flows)
    }
  }
  for (const event of events) {
    switch (event.kind) {
      case 'exchange_started':
        put(withExchange(bottleOf(event.bottleId), opened(event)))
        break
      case 'exchange_progress': {
        const bottle = bottleOf(event.bottleId)
        const before = openIn(bottle, event.attemptId) ?? opened({ ...event, model: null, holdTokens: 0 })
        const { observedTokens, heldTokens } = event
        put(withExchange(bottle, { ...before, observedTokens, heldTokens }))
        flow(bottle, event, observedTokens - before.observedTokens)
        break
      }
      case 'exchange_settled': {
        const bottle = bottleOf(event.bottleId)
        const observedTokens = openIn(bottle, event.attemptId)?.observedTokens ?? 0
        put(charged(bottle, event))
        flow(bottle, event, event.chargeTokens - observedTokens)
        break
      }
      case 'denied': {
        const bottle = bottleOf(event.bottleId)
        put({ ...bottle, denials: bottle.denials + 1 })
        break
      }
      case 'bottle': {
        const { id, scopes } = event.bottle
        put({ ...bottleOf(id), scopes })
        break
      }
      default:
    }
  }
  return { bottles, flows }
}

function opened({
  attemptId,
  provider,
  model,
  holdTokens,
  atMs,
}: OfExchange & { model: string | null; holdTokens: number }) {
  return { attemptId, provider, model, startedAtMs: atMs, observedTokens: 0, heldTokens: holdTokens }
}

function openIn({ open }: BottleActivity, attemptId: string): OpenExchange | undefined {
  return open.find((exchange) => exchange.attemptId === attemptId)
}

function withExchange(bottle: BottleActivity, exchange: OpenExchange): BottleActivity {
  const { open } = bottle
  const index = open.findIndex(({ attemptId }) => attemptId === exchange.attemptId)
  return { ...bottle, open: index === -1 ? [...open, exchange] : open.with(index, exchange) }
}

function charged(
  bottle: BottleActivity,
  { attemptId, usage, chargeTokens }: Extract<ActivityEvent, { kind: 'exchange_settled' }>,
): BottleActivity {
  const { tokens, exchanges, chargedTokens, open } = bottle
  return {
    ...bottle,
    exchanges: exchanges + 1,
    chargedTokens: chargedTokens + chargeTokens,
    tokens: {
      inputTokens: tokens.inputTokens + (usage.inputTokens ?? 0),
      cacheWriteTokens: tokens.cacheWriteTokens + (usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0),
      cacheReadTokens: tokens.cacheReadTokens + (usage.cacheReadTokens ?? 0),
      outputTokens: tokens.outputTokens + (usage.outputTokens ?? 0),
    },
    open: open.filter((exchange) => exchange.attemptId !== attemptId),
  }
}

function dropEnded(bottles: Map<string, BottleActivity>): void {
  for (const { bottleId, scopes, open } of bottles.values()) {
    if (scopes.length > 0 || open.length > 0) continue
    bottles.delete(bottleId)
    return
  }
}

function dropFirst(flows: Map<string, Flow>): void {
  const [first] = flows.keys()
  if (first !== undefined) flows.delete(first)
}
