/** What only the merged bottle shows: values of several definitions that contradict each other, or that nothing uses. */
import { placeholderCredential } from '../provider/provider.ts'
import { builtInProviders } from '../provider/providers.ts'
import { coversPath } from '../routing/covers-path.ts'
import type { Route } from '../routing/route.ts'
import { routeFault } from '../routing/route-fault.ts'
import type { BottleFile, EffectiveBottle, Origin, Problem, Sourced, WrittenBudget } from './definition.ts'
import { suggestion } from './notation.ts'

export function contradictions(bottle: EffectiveBottle, files: readonly BottleFile[]): readonly Problem[] {
  return [
    ...unknownBudgets(bottle, files),
    ...variableProblems(bottle),
    ...hostProblems(bottle),
    ...hiddenRouteProblems(bottle),
  ]
}

/** What is wrong with a bottle by itself, but may be right in one that builds on it: its provider can come from there. */
export function gaps(bottle: EffectiveBottle): readonly Problem[] {
  return [...unusedBudgets(bottle.scopes[0]?.budgets ?? [], bottle), ...routeProblems(bottle)]
}

/** Budgets of a bottle or an agent for providers that the bottle does not use: they would never hold anything. */
export function unusedBudgets(
  budgets: readonly Sourced<WrittenBudget>[],
  { providers }: EffectiveBottle,
): readonly Problem[] {
  const used = providers.map(({ value }) => value.name)
  const uses = used.length === 0 ? 'uses no provider' : `uses ${used.join(', ')}`
  return budgets
    .filter(({ value }) => !used.includes(value.provider))
    .map(({ value, origin }) => ({
      ...origin,
      message: `budget.${value.provider}: the bottle ${uses}, so this would never hold; remove it, or change agent_provider`,
    }))
}

/** A definition that others extend may have budgets for all of them; only the nearest one is for this bottle alone. */
function unknownBudgets({ scopes }: EffectiveBottle, files: readonly BottleFile[]): readonly Problem[] {
  const known = new Set([...builtInProviders, ...files.flatMap(namedProviders)].map(({ name }) => name))
  return scopes
    .slice(1)
    .flatMap(({ budgets }) => budgets)
    .filter(({ value }) => !known.has(value.provider))
    .map(({ value: { provider }, origin }) => ({
      ...origin,
      message: `budget: unknown provider "${provider}"; ${suggestion(provider, [...known])}`,
    }))
}

function namedProviders({ providers = [] }: BottleFile): readonly { readonly name: string }[] {
  return providers.map(({ value }) => value)
}

/** Safety (I2): where a client looks for its credential the bottle has a placeholder, never the real one. */
function variableProblems({ env, providers }: EffectiveBottle): readonly Problem[] {
  return providers.flatMap(({ value: provider }) =>
    [provider, ...(provider.otherSignIns ?? [])]
      .flatMap((signIn) => Object.entries(signIn.env))
      .filter(([, value]) => value === placeholderCredential)
      .flatMap(([name]) => {
        const own = env.get(name)
        const message = `env.${name}: the bottle has a placeholder there, and the proxy adds the real credential of ${provider.name} on the way out; remove it`
        return own ? [{ ...own.origin, message }] : []
      }),
  )
}

function hostProblems({ providers }: EffectiveBottle): readonly Problem[] {
  const owners = new Map<string, string>()
  const problems: Problem[] = []
  for (const { value, origin } of providers) {
    for (const { host } of value.hosts) {
      const owner = owners.get(host)
      owners.set(host, owner ?? value.name)
      if (owner === undefined || owner === value.name) continue
      const message = `agent_provider: ${host} is a host of ${owner} and of ${value.name}; a request there can be charged to one only`
      problems.push({ ...origin, message })
    }
  }
  return problems
}

/** What a route may be depends on the bottle's providers. */
function routeProblems({ egress: { routes }, providers }: EffectiveBottle): readonly Problem[] {
  const own = providers.map(({ value }) => value)
  return routes.flatMap(({ value, origin }) => {
    const fault = routeFault(value, own)
    return fault === undefined ? [] : [{ ...origin, message: `egress.routes: ${fault}` }]
  })
}

/** The first route that matches is taken, so one that an earlier one covers is never reached. */
function hiddenRouteProblems({ egress: { routes } }: EffectiveBottle): readonly Problem[] {
  return routes.flatMap((later, index) => {
    const earlier = routes.slice(0, index).find(({ value }) => covers(value, later.value))
    if (!earlier || authOf(earlier.value) === authOf(later.value)) return []
    const { host } = later.value
    const message = `egress.routes: ${host} with ${authInWords(later.value)} is never reached: ${inWords(earlier.origin)} comes first, allows all that this one does, and has ${authInWords(earlier.value)}; change one of the two`
    return [{ ...later.origin, message }]
  })
}

function covers(earlier: Route, later: Route): boolean {
  return earlier.host === later.host && coversMethods(earlier, later) && coversPaths(earlier, later)
}

function coversMethods({ methods }: Route, later: Route): boolean {
  return methods === undefined || (later.methods?.every((method) => methods.includes(method)) ?? false)
}

function coversPaths({ paths }: Route, later: Route): boolean {
  if (paths === undefined) return true
  return later.paths?.every((path) => paths.some((earlier) => coversPath(earlier, path))) ?? false
}

function authOf({ auth }: Route): string {
  return JSON.stringify(auth ?? null)
}

function authInWords({ auth }: Route): string {
  return auth ? `the credential ${auth.secret} (${auth.scheme.kind})` : 'no credential'
}

function inWords({ file, line, column }: Origin): string {
  return `${file}:${line}:${column}`
}
