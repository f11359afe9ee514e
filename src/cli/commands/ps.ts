import { Command } from 'commander'
import type { BottleView } from '../../controller/api.ts'
import { budgetInWords } from '../../core/budget/wording.ts'
import { rememberedCount } from '../changes/bottle-layer.ts'
import { countInWords } from '../changes/change-words.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { groupedNumber, tableLines } from '../table.ts'
import { ageInWords } from '../time.ts'

export function psCommand(context: CliContext): Command {
  return new Command('ps')
    .description('Lists the bottles that live or are frozen, newest first. TOKENS is what a bottle was charged itself.')
    .option('-a, --all', 'those that ended, too')
    .option('--json', 'print them as JSON: a list of BottleView')
    .addHelpText('after', '\nExamples:\n  bot-bottle ps\n  bot-bottle ps --all --json | jq ".[].id"\n')
    .action((options: { readonly all?: boolean; readonly json?: boolean }) => listBottles(context, options))
}

async function listBottles(context: CliContext, { all = false, json = false }: { all?: boolean; json?: boolean }) {
  const client = await connect(context)
  const bottles = await client.bottles({ all })
  if (json) return context.print(inertJson(bottles))
  if (bottles.length === 0)
    return context.tell(all ? 'there are no bottles' : 'no bottle is running (--all lists the ended ones)')
  const ended = bottles.filter(({ endedAtMs }) => endedAtMs !== null)
  const counts = new Map(
    await Promise.all(ended.map(async ({ id }) => [id, await rememberedCount(context.home, id)] as const)),
  )
  const rows = bottles.map((bottle) => [
    bottle.id,
    bottle.agent,
    stateInWords(bottle),
    ageInWords(context.nowMs() - bottle.createdAtMs),
    bottle.chargedTokens,
    bottle.budgets.map(useInWords).join(', '),
    notes(bottle, counts.get(bottle.id) ?? 0),
  ])
  for (const line of tableLines(columns, rows, context.widthColumns)) context.print(line)
}

const columns = [
  { title: 'ID' },
  { title: 'AGENT' },
  { title: 'STATE' },
  { title: 'AGE', align: 'right' },
  { title: 'TOKENS', align: 'right' },
  { title: 'BUDGET' },
  { title: '' },
] as const

function notes({ contained, detached }: BottleView, changes: number): string {
  const kept = changes === 0 ? [] : [countInWords(changes, 'change')]
  return [...(detached ? ['in the background'] : []), ...(contained ? [] : ['uncontained']), ...kept].join(', ')
}

function stateInWords({ state, exitCode, openExchanges }: BottleView): string {
  if (state === 'exited' && exitCode !== null) return `exited (${exitCode})`
  return openExchanges > 0 ? `${state}, ${openExchanges} open` : state
}

/** What is used of a budget, by all that it counts. */
function useInWords(budget: BottleView['budgets'][number]): string {
  const { provider, limitTokens, settledTokens, reservedTokens } = budget
  if (limitTokens === null) return `${provider}: none`
  const used = groupedNumber(settledTokens + reservedTokens)
  return `${provider}: ${used} of ${groupedNumber(limitTokens)} (${budgetInWords(budget)})`
}
