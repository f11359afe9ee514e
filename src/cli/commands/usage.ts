import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { UsageReport } from '../../controller/api.ts'
import { BottleError } from '../../core/errors.ts'
import type { PriceTable } from '../../core/pricing/price-table.ts'
import { hostPaths } from '../../host/paths.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { refuseEmptySpan } from '../empty-span.ts'
import { inertJson } from '../inert.ts'
import { readLimit } from '../read-limit.ts'
import { groupedNumber } from '../table.ts'
import { parseTime } from '../time.ts'
import { type CostReport, costInWords, costReport, plainCosts } from '../usage/costs.ts'
import { csvLines } from '../usage/csv.ts'
import { showEstimator } from '../usage/estimator.ts'
import { defaultRows, leftOutNotice, rowLimit } from '../usage/row-limit.ts'
import { type UsageLine, usageTableLines } from '../usage/table.ts'
import { timeAxis } from '../usage/time-axis.ts'

interface UsageOptions {
  readonly by: UsageReport['by']
  readonly bottle?: string
  readonly since?: number
  readonly until?: number
  readonly cost?: boolean
  readonly prices?: string
  readonly limit?: number
  readonly estimator?: boolean
  readonly csv?: boolean
  readonly json?: boolean
}

export function usageCommand(context: CliContext): Command {
  const time = (text: string): number => {
    const parsed = parseTime(text, context.nowMs())
    if (parsed.kind === 'invalid') throw new InvalidArgumentError(parsed.why)
    return parsed.timeMs
  }
  return new Command('usage')
    .description(
      'Shows the tokens that were used. CHARGED is what budgets count; ESTIMATED the part that no provider reported. Days and hours are those of UTC.',
    )
    .addOption(
      new Option('--by <what>', 'one row for each')
        .choices(['bottle', 'agent', 'provider', 'model', 'day', 'hour'])
        .default('bottle'),
    )
    .option('--bottle <id>', 'of this bottle only')
    .option('--since <when>', 'only what ended since: 90m, 12h, 7d or a time such as 2026-11-22T08:00Z', time)
    .option('--until <when>', 'only what ended before, written in the same way', time)
    .option(
      '--limit <n>',
      `at most so many rows, the largest (tables of other than times: ${defaultRows} by default)`,
      readLimit,
    )
    .option('--cost', 'what it cost about, by the prices of prices.yml (there are none built in)')
    .addOption(new Option('--prices <file>', 'a price table in place of prices.yml').implies({ cost: true }))
    .addOption(
      new Option('--estimator', 'how near the estimates of requests came, for each model').conflicts([
        ...['by', 'bottle', 'since', 'until', 'limit', 'cost', 'prices', 'csv'],
      ]),
    )
    .addOption(new Option('--csv', 'print it as CSV').conflicts('json'))
    .option('--json', 'print it as JSON: a UsageReport, with --cost a CostReport, with --estimator an EstimatorReport')
    .addHelpText(
      'after',
      `
Examples:
  bot-bottle usage --by model --since 7d
  bot-bottle usage --by day --since 2026-11-01 --until 2026-11-08
  bot-bottle usage --by hour --since 24h --csv > usage.csv
  bot-bottle usage --by agent --since 30d --cost
  bot-bottle usage --limit 10
  bot-bottle usage --bottle claude-x1y2 --json
  bot-bottle usage --estimator
`,
    )
    .action((options: UsageOptions) =>
      options.estimator ? showEstimator(context, { json: options.json ?? false }) : showUsage(context, options),
    )
}

async function showUsage(context: CliContext, options: UsageOptions): Promise<void> {
  refuseEmptySpan(options)
  // Before the controller is asked: what is wrong with them is the user's to correct.
  const prices = options.cost ? await pricesFor(context, options) : undefined
  const { by, bottle, since, until } = options
  const maxRows = rowLimit(options)
  const client = await connect(context)
  const report = await client.usage({
    by,
    eachModel: prices !== undefined,
    ...(since !== undefined && { sinceMs: since }),
    ...(until !== undefined && { untilMs: until }),
    ...(bottle !== undefined && { bottle }),
    // One more, to know whether there are. Where costs are asked all rows are needed, for their total.
    ...(maxRows !== undefined && !prices && { limit: maxRows + 1 }),
  })
  if (report.rows.length === 0 && bottle !== undefined) await client.bottle(bottle)
  const firstOf = <Report extends { readonly rows: readonly unknown[] }>(whole: Report): Report => ({
    ...whole,
    rows: whole.rows.slice(0, maxRows),
  })
  const usage = firstOf(report)
  const wholeCosts = prices && costReport(report, prices)
  const costs = wholeCosts && firstOf(wholeCosts)
  if (options.json) return context.print(inertJson(costs ? plainCosts(costs) : usage))
  if (options.csv) return printAll(context, costs ? costCsv(costs) : csvLines(csvNames, usage.rows))
  if (usage.rows.length === 0) return context.tell('nothing was used')
  const lines = linesOf((costs ?? usage).rows, options, context.nowMs())
  const currency = costs && { currency: costs.currency }
  printAll(context, usageTableLines({ by, lines, widthColumns: context.widthColumns, ...currency }))
  if (costs) showTotal(context, costs)
  const notice = leftOutNotice(options, (wholeCosts ?? report).rows.length)
  if (notice) context.tell(notice)
}

async function pricesFor({ home, cwd }: CliContext, { prices }: UsageOptions): Promise<PriceTable> {
  const path = prices === undefined ? hostPaths(home).pricesPath : resolve(cwd, prices)
  // With its parser of YAML it takes as long to load as all the rest.
  const { readPrices } = await import('../../host/prices.ts')
  const table = await readPrices(path)
  if (table) return table
  throw new BottleError('usage', `there is no price table ${path}, and none is built in`, {
    hint: 'Write one as docs/usage.md shows, or give another with --prices FILE.',
  })
}

/** Days and hours are shown without a gap. */
function linesOf<Row extends UsageLine & { readonly provider: string }>(
  rows: readonly Row[],
  { by, since, until }: UsageOptions,
  nowMs: number,
): readonly UsageLine[] {
  if (by !== 'day' && by !== 'hour') return rows
  const axis = timeAxis(rows, { by, sinceMs: since, untilMs: until ?? nowMs })
  return axis.flatMap(({ time, rows: used }): readonly UsageLine[] => (used.length > 0 ? used : [{ group: time }]))
}

function showTotal({ print, tell }: CliContext, { total, currency, unpricedModels }: CostReport): void {
  print(`total: ${costInWords(total)} ${currency}`)
  if (total.unpricedTokens === 0) return
  tell(`${groupedNumber(total.unpricedTokens)} tokens have no price, of: ${unpricedModels.join(', ')}`)
}

function costCsv(costs: CostReport): string[] {
  const rows = plainCosts(costs).rows.map((row) => ({ ...row, currency: costs.currency }))
  return csvLines([...csvNames, 'cost', 'currency', 'unpricedTokens'], rows)
}

function printAll({ print }: CliContext, lines: readonly string[]): void {
  for (const line of lines) print(line)
}

const csvNames = [
  ...(['group', 'provider', 'exchanges', 'inputTokens', 'cacheWriteTokens', 'cacheWrite1hTokens'] as const),
  ...(['cacheReadTokens', 'outputTokens', 'reasoningTokens', 'chargeTokens', 'estimatedTokens'] as const),
] as const
