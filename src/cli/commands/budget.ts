import { Command, InvalidArgumentError, Option } from 'commander'
import type { BudgetExplanation, BudgetView } from '../../controller/api.ts'
import { forecastInWords } from '../../core/budget/forecast-words.ts'
import { parseBudgetFlag } from '../../core/budget/limit.ts'
import { defaultPeriod, type Period, periods } from '../../core/budget/period.ts'
import { budgetInWords } from '../../core/budget/wording.ts'
import { budgetTableLines } from '../budget/table.ts'
import { connect, connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inert, inertJson } from '../inert.ts'
import { groupedNumber } from '../table.ts'

export function budgetCommand(context: CliContext): Command {
  return new Command('budget')
    .description(
      'Lists the budgets, tells why one holds for a bottle, and sets others in place of those of files. A scope is host, run:ID, agent:NAME or bottle:NAME.',
    )
    .addHelpText(
      'after',
      `
Examples:
  bot-bottle budget list
  bot-bottle budget set host claude=5000000 --period month --always
  bot-bottle budget set run:claude-3fa2c1 claude=400000
  bot-bottle budget unset host claude
  bot-bottle budget explain claude-3fa2c1
`,
    )
    .addCommand(listCommand(context))
    .addCommand(setCommand(context))
    .addCommand(unsetCommand(context))
    .addCommand(explainCommand(context))
}

function listCommand(context: CliContext): Command {
  return new Command('list')
    .description(
      'Lists each budget: limit, what is charged, held by calls in flight and left; when it is spent if it goes on as in the last two to three hours, when it resets, for which bottles it holds, and for which a more specific one governs.',
    )
    .option('--json', 'print them as JSON: a BudgetList')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const budgets = await (await connect(context)).budgets()
      if (json) return context.print(inertJson(budgets))
      if (budgets.length === 0) return context.tell('no budget is defined')
      const lines = budgetTableLines({ budgets, widthColumns: context.widthColumns, nowMs: context.nowMs() })
      for (const line of lines) context.print(line)
    })
}

function setCommand(context: CliContext): Command {
  return new Command('set')
    .description(
      'Sets a budget in place of all that files say of the provider at that scope, also over restarts, until it is unset. What is used counts: a limit below it cuts at once.',
    )
    .argument('<scope>', 'host, run:ID, agent:NAME or bottle:NAME')
    .argument('<provider=tokens>', 'e.g. claude=200000 (0 denies all)', (text) => {
      const flag = parseBudgetFlag(text)
      if (flag.kind === 'invalid') throw new InvalidArgumentError(`${flag.why}.`)
      if (flag.provider === null) throw new InvalidArgumentError(`Write PROVIDER=${text}, e.g. claude=${text}.`)
      return { provider: flag.provider, limitTokens: flag.limitTokens }
    })
    .addOption(new Option('--period <period>', 'how long the limit is for').choices(periods).default(defaultPeriod))
    .option('--json', 'print what was done as JSON: {scope, provider, changed}')
    .option('--always', 'holds also where a more specific scope has a budget for the provider')
    .action(async (scope: string, given: { provider: string; limitTokens: number }, options: SetOptions) => {
      const { provider, limitTokens } = given
      const { period, always = false } = options
      const client = await connectOrStart(context)
      const { changed } = await client.changeBudget({ scope, provider, budget: { limitTokens, period, always } })
      if (options.json) return context.print(inertJson({ scope, provider, changed }))
      context.tell(`${scope} has ${groupedNumber(limitTokens)} ${provider} tokens${lastingInWords(period)}`)
    })
}

interface SetOptions {
  readonly json?: boolean
  readonly period: Period
  readonly always?: boolean
}

function lastingInWords(period: Period): string {
  return period === 'total' ? '' : ` per ${period}`
}

function unsetCommand(context: CliContext): Command {
  return new Command('unset')
    .description('Removes what was set; what files say holds again.')
    .argument('<scope>', 'host, run:ID, agent:NAME or bottle:NAME')
    .argument('<provider>', 'e.g. claude')
    .option('--json', 'print what was done as JSON: {scope, provider, changed}')
    .action(async (scope: string, provider: string, { json = false }: { readonly json?: boolean }) => {
      const { changed } = await (await connectOrStart(context)).changeBudget({ scope, provider, budget: null })
      if (json) return context.print(inertJson({ scope, provider, changed }))
      const what = `for ${provider} at ${scope}`
      context.tell(changed ? `what was set ${what} is gone; files say what holds` : `nothing was set ${what}`)
    })
}

function explainCommand(context: CliContext): Command {
  return new Command('explain')
    .description('Tells which budgets hold for a bottle and why, and what the others say.')
    .argument('<id>', 'id of a running bottle (see: bot-bottle ps)')
    .option('--json', 'print it as JSON: a BudgetExplanation')
    .action(async (id: string, { json = false }: { readonly json?: boolean }) => {
      const client = await connect(context)
      const explanation = await client.explainBudgets(id)
      if (json) return context.print(inertJson(explanation))
      const providers = new Set((await client.bottle(id)).budgets.map(({ provider }) => provider))
      for (const provider of providers) {
        const lines = explanationLines(
          explanation.filter((budget) => budget.provider === provider),
          context.nowMs(),
        )
        context.print(inert(`${provider}:`))
        for (const line of lines) context.print(inert(`  ${line}`))
      }
    })
}

/** For one provider, the most specific scope first. */
function explanationLines(explanation: BudgetExplanation, nowMs: number): readonly string[] {
  const [governing] = explanation
  if (!governing) return ['no budget is defined at any of its scopes: tokens are only counted']
  return explanation.map((budget) => {
    const { settledTokens, limitTokens, leftTokens } = budget
    const used = `${groupedNumber(settledTokens)} of ${groupedNumber(limitTokens)} used, ${groupedNumber(leftTokens)} left`
    return `${budgetInWords(budget)} ${roleInWords(budget, governing)}: ${used}${endInWords(budget, nowMs)}${originInWords(budget)}`
  })
}

function roleInWords({ role }: BudgetExplanation[number], governing: BudgetView): string {
  switch (role) {
    case 'governs':
      return 'governs, as the most specific scope that has a budget'
    case 'always':
      return 'holds too, since it is marked always'
    case 'overruled':
      return `does not hold, since ${budgetInWords({ scope: governing.scope, period: 'total' })} is more specific`
  }
}

/** Only where there is more to say than the figures do. */
function endInWords(budget: BudgetView, nowMs: number): string {
  const { kind } = budget.forecast
  return kind === 'runs_out' || kind === 'lasts' ? `; ${forecastInWords(budget, nowMs)}` : ''
}

function originInWords({ origin, scope }: BudgetView): string {
  return origin === 'operator' && !scope.startsWith('run:') ? ' (set by an operator, in place of what files say)' : ''
}
