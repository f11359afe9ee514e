import { Command } from 'commander'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { type BudgetOption, budgetOption, budgetsFor } from '../launch-options.ts'

interface RestoreOptions {
  readonly budget?: readonly BudgetOption[]
  readonly json?: boolean
}

export function restoreCommand(context: CliContext): Command {
  return new Command('restore')
    .description('Reopens a bottle that was cut off. Where its budget is spent, a larger one must be given.')
    .argument('<id>', 'id of the bottle (see: bot-bottle ps)')
    .addOption(budgetOption('new limit of this bottle in tokens, what it has used included'))
    .option('--json', 'print what was done as JSON: {id, changed}')
    .addHelpText('after', '\nExample:\n  bot-bottle restore claude-x1y2 --budget 400000\n')
    .action(async (id: string, options: RestoreOptions) => {
      const client = await connect(context)
      const { budgets: counters } = await client.bottle(id)
      const providers = [...new Set(counters.map(({ provider }) => provider))]
      const { changed } = await client.restore(id, { budgets: budgetsFor(options.budget ?? [], providers) })
      if (options.json) return context.print(inertJson({ id, changed }))
      context.tell(changed ? `${id} is open again` : `${id} was open already`)
    })
}
