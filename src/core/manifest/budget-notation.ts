/** `budget` and `shutdown`, which all three kinds of files have. */
import { parseLimitTokens } from '../budget/limit.ts'
import { periods } from '../budget/period.ts'
import { didYouMean } from '../did-you-mean.ts'
import { quote } from './bounded-yaml.ts'
import { key, mapping, named, oneOrMany, requiredKey } from './collection-notations.ts'
import type { ShutdownPolicy, Sourced, WrittenBudget } from './definition.ts'
import { definitionNameFault, definitionNamePattern } from './definition-name.ts'
import { converted, type Notation, sourced, wrong } from './notation.ts'
import { number, oneOf, truth } from './scalar-notations.ts'

const shutdownPolicies: readonly ShutdownPolicy[] = ['cutoff', 'freeze', 'kill']

export const shutdown = key(
  'What happens when the budget is spent. cutoff: nothing leaves the bottle, the agent runs on. freeze: what it wrote is kept and it ends, until it is resumed. kill: it ends.',
  sourced(oneOf(shutdownPolicies)),
)

const limitTokens = number({
  expected: 'a whole number of tokens',
  parse(text) {
    const parsed = parseLimitTokens(text)
    return parsed.kind === 'limit' ? { kind: 'number', value: parsed.limitTokens } : { kind: 'fault', why: parsed.why }
  },
  schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
})

export const budgetKeys = {
  limit: requiredKey('Tokens. 0 denies all.', limitTokens),
  period: key(
    'How long a limit is for; calendar periods are those of UTC. Default: `period` of settings.yml.',
    oneOf(periods),
  ),
  always: key('Holds even where a more specific definition has a budget for the same provider.', truth),
}

type BudgetRest = Omit<WrittenBudget, 'provider'>

const fullBudget = converted(mapping(budgetKeys), {
  from: ({ limit, period, always = false }) => ({ limitTokens: limit, ...(period && { period }), always }),
  to: ({ limitTokens: limit, period, always }: BudgetRest) => ({
    limit,
    ...(period && { period }),
    ...(always && { always }),
  }),
})

/** A number, or a mapping for what else there is to say. */
const oneBudget: Notation<BudgetRest> = {
  read(node, reading) {
    if (node.kind === 'mapping') return fullBudget.read(node, reading)
    const limit = limitTokens.read(node, reading)
    return limit === undefined ? undefined : { limitTokens: limit, always: false }
  },
  print: (budget) => (budget.period || budget.always ? fullBudget.print(budget) : budget.limitTokens),
  schema: { anyOf: [limitTokens.schema, fullBudget.schema] },
}

const maxBudgetsOfProvider = 8

const budgetsOfProvider = converted(
  oneOrMany(sourced(oneBudget), { of: 'budgets', minItems: 1, maxItems: maxBudgetsOfProvider }),
  {
    from(budgets, node, reading) {
      const spans = new Set(budgets.map(({ value }) => value.period))
      if (budgets.length === 1 || (spans.size === budgets.length && !spans.has(undefined))) return budgets
      return wrong(node, reading, 'of several budgets for one provider each needs a period of its own')
    },
    to: (budgets) => budgets,
  },
)

/**
 * Budgets by provider. A name that is nearly one of `providers` is taken for a slip; others may be of own providers, which
 * only the bottles know.
 */
export function budgetsNotation(providers: readonly string[]): Notation<readonly Sourced<WrittenBudget>[]> {
  const byProvider = named({
    value: () => budgetsOfProvider,
    name(written) {
      if (providers.includes(written)) return { kind: 'name', name: written }
      const meant = didYouMean(written, providers)
      if (meant !== undefined)
        return { kind: 'fault', why: `unknown provider ${quote(written)}; did you mean "${meant}"?` }
      const fault = definitionNameFault(written)
      return fault ? { kind: 'fault', why: `${quote(written)} ${fault}` } : { kind: 'name', name: written }
    },
    schema: { propertyNames: { pattern: definitionNamePattern }, value: budgetsOfProvider.schema },
  })
  return converted(byProvider, {
    from: (budgets) =>
      [...budgets].flatMap(([provider, found]) =>
        found.map(({ value, origin }) => ({ value: { provider, ...value }, origin })),
      ),
    to: (budgets) => Map.groupBy(budgets, ({ value }) => value.provider),
  })
}
