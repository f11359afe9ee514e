/**
 * What a bottle may read about itself, at `http://bottle.internal/…`: what is left of its budgets, so that an agent can wind
 * up in time. The shape is in docs/json.md.
 *
 * Safety: it only reads, whose it is is decided by the listener (I7), and of others it tells what a refusal would: the sum that
 * a budget they share has used. No other bottle is named or counted. A bottle that is cut is refused here as everywhere.
 */

import { spanOf } from '../core/budget/period.ts'
import type { CounterKey } from '../core/budget/scope.ts'
import type { Provider } from '../core/provider/provider.ts'
import { type Answer, plainAnswer } from '../core/provider/refusal.ts'
import { ownHost } from '../core/routing/own-host.ts'
import { give } from './answer.ts'
import type { Egress } from './egress.ts'
import { ledgerAnswer } from './ledger-answer.ts'
import type { DecidedLine, DecidedRequest } from './ready-request.ts'

export interface OwnBudgetView {
  readonly bottle: string
  readonly atMs: number
  /** At which parts of a budget the operator is warned. */
  readonly thresholdsPercent: readonly number[]
  readonly providers: readonly OwnProvider[]
}

export interface OwnProvider {
  readonly provider: string
  /** What this bottle itself was charged. */
  readonly chargedTokens: number
  /** The least of what its budgets leave; null: none holds. */
  readonly leftTokens: number | null
  /** All of them hold; the first governs. */
  readonly budgets: readonly OwnBudget[]
}

export interface OwnBudget {
  readonly scope: string
  readonly period: string
  readonly limitTokens: number
  /** By all whom the budget is for. */
  readonly settledTokens: number
  /** Neither charged nor held by requests in flight. */
  readonly leftTokens: number
  readonly resetsAtMs: number | null
}

const pages: Readonly<Record<string, (egress: Egress) => Promise<object>>> = { '/budget': budgetView }

export async function giveOwnView({ response, line, egress }: DecidedRequest): Promise<void> {
  give(response, await ownAnswer(line, egress))
}

async function ownAnswer({ method, path, oddity }: DecidedLine, egress: Egress): Promise<Answer> {
  const page = oddity === undefined && Object.hasOwn(pages, path) ? pages[path] : undefined
  if (!page) {
    const known = Object.keys(pages).join(', ')
    return plainAnswer(404, 'not_found', `bot-bottle: ${ownHost} has no such page; these are there: ${known}`)
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const refusal = plainAnswer(405, 'method_not_allowed', `bot-bottle: ${ownHost} only answers GET and HEAD`)
    return { ...refusal, headers: { ...refusal.headers, allow: 'GET, HEAD' } }
  }
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status: 200, headers, body: `${JSON.stringify(await ledgerAnswer(page(egress)))}\n` }
}

async function budgetView(egress: Egress): Promise<OwnBudgetView> {
  const { bottleId, thresholdsPercent, nowMs } = egress
  const atMs = nowMs()
  const providers = await Promise.all(egress.providers.map((provider) => providerView(egress, provider, atMs)))
  return { bottle: bottleId, atMs, thresholdsPercent, providers }
}

async function providerView({ ledger, budgetsOf }: Egress, provider: Provider, atMs: number): Promise<OwnProvider> {
  const { chain, governing } = budgetsOf(provider, atMs)
  const own = await ledger.counter({ scope: chain[0] ?? '', provider: provider.name, period: 'total' })
  const counted = await Promise.all(governing.map((key) => ownBudget(ledger, key)))
  const budgets = counted.filter((budget) => budget !== undefined)
  const leftTokens = budgets.length === 0 ? null : Math.min(...budgets.map((budget) => budget.leftTokens))
  return { provider: provider.name, chargedTokens: own.settledTokens, leftTokens, budgets }
}

/** `undefined` where the budget was removed meanwhile. */
async function ownBudget(ledger: Egress['ledger'], key: CounterKey): Promise<OwnBudget | undefined> {
  const { scope, period, limitTokens, settledTokens, reservedTokens } = await ledger.counter(key)
  if (limitTokens === null) return undefined
  const leftTokens = Math.max(0, limitTokens - settledTokens - reservedTokens)
  return { scope, period, limitTokens, settledTokens, leftTokens, resetsAtMs: spanOf(period)?.endMs ?? null }
}
