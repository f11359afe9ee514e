/** What operators ask of budgets: which there are, why one holds for a bottle, and others in place of those of the files. */
import { plainBudget } from '../core/budget/defined-budget.ts'
import { forecast } from '../core/budget/forecast.ts'
import { periodKey, spanOf } from '../core/budget/period.ts'
import { type Counter, isSameCounter, parseScope, type Scope, scopeKey } from '../core/budget/scope.ts'
import { didYouMean, didYouMeanId } from '../core/did-you-mean.ts'
import { BottleError } from '../core/errors.ts'
import { isDefinitionName } from '../core/manifest/definition-name.ts'
import { builtInProviders } from '../core/provider/providers.ts'
import { listDefinitions } from '../host/manifests/places.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { BudgetChange, BudgetExplanation, BudgetList, BudgetView } from './api.ts'
import type { BudgetBook, BudgetInForce } from './budget-book.ts'
import { heldKeys } from './budget-watch.ts'
import type { LiveBottle } from './live-bottle.ts'
import { createRecentUse, type RecentUseOf } from './recent-use.ts'

export interface BudgetDesk {
  list(): Promise<BudgetList>
  /** Of all budgets that are listed, with the limits in force: rows, no sums. */
  counters(): Promise<readonly Counter[]>
  explain(bottle: LiveBottle): Promise<BudgetExplanation>
  /** Throws BottleError `usage` or `not_found` for a scope or a provider that can never be charged. */
  change(change: BudgetChange): Promise<{ readonly changed: boolean }>
}

export interface BudgetDeskOptions {
  readonly book: BudgetBook
  readonly ledger: Pick<Ledger, 'counter' | 'usage' | 'bottles'>
  readonly living: ReadonlyMap<string, LiveBottle>
  readonly home: string
  readonly nowMs: () => number
  limitsChanged(): Promise<void>
}

/** Where and when a budget is looked at. */
interface ViewPlace {
  readonly scope: string
  /** The key of the run that a budget for each run is shown of; '' for any other budget, `run` where there is no run. */
  readonly run: string
  readonly atMs: number
  readonly recentUse: RecentUseOf
}

export function createBudgetDesk({ book, ledger, living, home, nowMs, limitsChanged }: BudgetDeskOptions): BudgetDesk {
  const viewOf = async (budget: BudgetInForce, { scope, run, recentUse, atMs }: ViewPlace): Promise<BudgetView> => {
    const { provider, always, origin, limitTokens } = budget
    const period = periodKey(budget.period, { atMs, run })
    const { settledTokens, reservedTokens } = await ledger.counter({ scope, provider, period })
    const leftTokens = Math.max(0, limitTokens - settledTokens - reservedTokens)
    const resetsAtMs = spanOf(period)?.endMs ?? null
    // Of a budget for each run, what that run uses is what counts.
    const recent = await recentUse({ scope: budget.period === 'run' ? run : scope, provider })
    const holdsFor = [...living.values()].filter((bottle) =>
      heldKeys(bottle, atMs).some((key) => isSameCounter(key, { scope, provider, period })),
    )
    return {
      ...{
        scope,
        provider,
        period,
        always,
        origin,
        limitTokens,
        settledTokens,
        reservedTokens,
        leftTokens,
        resetsAtMs,
      },
      holdsFor: holdsFor.map(({ id }) => id),
      overruledFor: overruledFor(scope, budget, run),
      recent,
      forecast: forecast({ leftTokens, resetsAtMs, recent, nowMs: atMs }),
    }
  }

  const overruledFor = (scope: string, { provider, period }: BudgetInForce, run: string): BudgetView['overruledFor'] =>
    [...living.values()]
      .filter(({ providers }) => providers.some(({ name }) => name === provider))
      .filter((bottle) => period !== 'run' || runOf(bottle) === run)
      .flatMap(({ id, chain }) => {
        const [governing, ...others] = book.roles(chain, provider)
        const isOverruled = others.some(
          (other) => other.role === 'overruled' && other.scope === scope && other.budget.period === period,
        )
        return governing && isOverruled ? [{ bottleId: id, byScope: governing.scope }] : []
      })

  /** A budget for each run is as many as there are runs; without any it is as it would be. */
  const budgetsInForce = async () => {
    const runs = [...living.values()].map((bottle) => ({ bottle, run: runOf(bottle) }))
    return (await book.list()).flatMap(({ scope, budgets }) => {
      const isEndedRun = scope.startsWith('run:') && !runs.some(({ run }) => run === scope)
      if (isEndedRun) return []
      return budgets.flatMap((budget) => {
        if (budget.period !== 'run') return [{ budget, scope, run: '' }]
        const own = runs.filter(({ bottle }) => bottle.chain.includes(scope)).map(({ run }) => run)
        return (own.length > 0 ? own : ['run']).map((run) => ({ budget, scope, run }))
      })
    })
  }

  const momentNow = () => {
    const atMs = nowMs()
    return { atMs, recentUse: createRecentUse(ledger, atMs) }
  }

  return {
    async list() {
      const moment = momentNow()
      const views = (await budgetsInForce()).map(({ budget, ...place }) => viewOf(budget, { ...moment, ...place }))
      return (await Promise.all(views)).toSorted(byScope)
    },

    async counters() {
      const atMs = nowMs()
      const all = (await budgetsInForce()).map(async ({ budget, scope, run }) => {
        const { provider, limitTokens } = budget
        const period = periodKey(budget.period, { atMs, run })
        return { ...(await ledger.counter({ scope, provider, period })), limitTokens }
      })
      return Promise.all(all)
    },

    async explain(bottle) {
      const place = { ...momentNow(), run: runOf(bottle) }
      const all = bottle.providers.flatMap(({ name }) => book.roles(bottle.chain, name))
      return Promise.all(
        all.map(async ({ scope, budget, role }) => ({ role, ...(await viewOf(budget, { ...place, scope })) })),
      )
    },

    async change({ scope: key, provider, budget }) {
      const scope = parseScope(key)
      if (!scope) {
        throw new BottleError('usage', `"${key}" is no scope`, {
          hint: 'Write host, run:ID, agent:NAME or bottle:NAME.',
        })
      }
      if (budget === null) {
        const changed = await book.removeOverride(scope, provider)
        if (changed) await limitsChanged()
        return { changed }
      }
      await refuseUnknown(scope)
      refuseUnknownProvider(scope, provider)
      await book.override(scope, [{ ...plainBudget({ provider, limitTokens: budget.limitTokens }), ...budget }])
      await limitsChanged()
      return { changed: true }
    },
  }

  async function refuseUnknown(scope: Scope): Promise<void> {
    if (scope.kind === 'host') return
    if (scope.kind === 'run') {
      if (living.has(scope.name)) return
      const meant = didYouMeanId(scope.name, [...living.keys()])
      throw new BottleError('not_found', `no bottle "${scope.name}" is running`, {
        hint: meant === undefined ? 'List the running ones with: bot-bottle ps' : `Did you mean run:${meant}?`,
      })
    }
    const kind = scope.kind === 'agent' ? 'agents' : 'bottles'
    const names = (await listDefinitions(kind, { home, projectPath: null })).map(({ name }) => name)
    const isInUse = [...living.values()].some((bottle) => bottle.chain.includes(scopeKey(scope)))
    if (names.includes(scope.name) || isInUse) return
    const meant = didYouMean(scope.name, names)
    throw new BottleError('not_found', `there is no ${scope.kind} "${scope.name}", so its budget would never hold`, {
      hint: meant === undefined ? `List them with: bot-bottle ${kind}` : `Did you mean ${scope.kind}:${meant}?`,
    })
  }

  function refuseUnknownProvider(scope: Scope, provider: string): void {
    const used = living.get(scope.kind === 'run' ? scope.name : '')?.providers.map(({ name }) => name)
    if (used) {
      if (used.includes(provider)) return
      throw new BottleError('usage', `the bottle does not use the provider "${provider}"`, {
        hint: used.length > 0 ? `It uses: ${used.join(', ')}.` : 'It uses none.',
      })
    }
    const names = builtInProviders.map(({ name }) => name)
    if (names.includes(provider)) return
    // Others may be of own providers, which only the bottles know.
    const meant = didYouMean(provider, names)
    if (meant === undefined && isDefinitionName(provider)) return
    throw new BottleError('usage', `there is no provider "${provider}"`, {
      hint: meant === undefined ? `Built in are: ${names.join(', ')}.` : `Did you mean ${meant}?`,
    })
  }
}

function runOf({ id }: LiveBottle): string {
  return scopeKey({ kind: 'run', name: id })
}

const scopeOrder = ['host', 'bottle', 'agent', 'run']

function byScope(one: BudgetView, other: BudgetView): number {
  const place = ({ scope }: BudgetView) => scopeOrder.indexOf(scope.split(':', 1)[0] ?? '')
  const text = ({ scope, provider, period }: BudgetView) => `${scope}\n${provider}\n${period}`
  return place(one) - place(other) || (text(one) < text(other) ? -1 : 1)
}
