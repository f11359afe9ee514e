import { Command, InvalidArgumentError, Option } from 'commander'
import type { UsageReport } from '../../controller/api.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { type Column, tableLines } from '../table.ts'
import { ageInWords, parseSince } from '../time.ts'

interface UsageOptions {
  readonly by: UsageReport['by']
  readonly bottle?: string
  readonly since?: number
  readonly estimator?: boolean
  readonly json?: boolean
}

export function usageCommand(context: CliContext): Command {
  return new Command('usage')
    .description(
      'Shows the tokens that were used. CHARGED is what budgets count; ESTIMATED the part that no provider reported.',
    )
    .addOption(
      new Option('--by <what>', 'one row for each').choices(['bottle', 'agent', 'provider', 'model']).default('bottle'),
    )
    .option('--bottle <id>', 'of this bottle only')
    .option('--since <when>', 'only what ended since: 90m, 12h, 7d or a time such as 2026-11-22T08:00Z', (text) => {
      const since = parseSince(text, context.nowMs())
      if (since === undefined) throw new InvalidArgumentError('Write 90m, 12h, 7d or a time such as 2026-11-22T08:00Z.')
      return since
    })
    .addOption(
      new Option('--estimator', 'how near the estimates of requests came, for each model').conflicts([
        'by',
        'bottle',
        'since',
      ]),
    )
    .option('--json', 'print it as JSON: a UsageReport, with --estimator an EstimatorReport')
    .addHelpText(
      'after',
      '\nExamples:\n  bot-bottle usage --by model --since 7d\n  bot-bottle usage --bottle claude-x1y2 --json\n  bot-bottle usage --estimator\n',
    )
    .action((options: UsageOptions) =>
      options.estimator ? showEstimator(context, options) : showUsage(context, options),
    )
}

async function showUsage(context: CliContext, { by, bottle, since, json = false }: UsageOptions): Promise<void> {
  const client = await connect(context)
  const report = await client.usage({
    by,
    ...(since !== undefined && { sinceMs: since }),
    ...(bottle !== undefined && { bottle }),
  })
  if (json) return context.print(inertJson(report))
  if (report.rows.length === 0) return context.tell('nothing was used')
  const rows = report.rows.map((row) => [
    row.group === '' ? '(unknown)' : row.group,
    ...(by === 'provider' ? [] : [row.provider]),
    row.exchanges,
    row.inputTokens,
    row.cacheWriteTokens,
    row.cacheReadTokens,
    row.outputTokens,
    row.chargeTokens,
    row.estimatedTokens,
  ])
  const columns: readonly Column[] = [
    { title: by.toUpperCase() },
    ...(by === 'provider' ? [] : [{ title: 'PROVIDER' }]),
    ...figures.map((title) => ({ title, align: 'right' as const })),
  ]
  for (const line of tableLines(columns, rows, context.widthColumns)) context.print(line)
}

async function showEstimator(context: CliContext, { json = false }: UsageOptions): Promise<void> {
  const client = await connect(context)
  const report = await client.estimator()
  if (json) return context.print(inertJson(report))
  if (report.length === 0) return context.tell('nothing was learned yet')
  const rows = report.map((row) => [
    row.provider,
    row.model === '' ? '(all)' : row.model,
    row.samples,
    row.meanErrorPercent,
    row.p95ErrorPercent,
    row.marginPercent,
    row.underestimatesPercent,
    ageInWords(context.nowMs() - row.updatedAtMs),
  ])
  for (const line of tableLines(estimatorColumns, rows, context.widthColumns)) context.print(line)
}

const estimatorColumns: readonly Column[] = [
  { title: 'PROVIDER' },
  { title: 'MODEL' },
  ...['SAMPLES', 'ERROR %', 'P95 %', 'MARGIN %', 'BEYOND %', 'AGE'].map((title) => ({
    title,
    align: 'right' as const,
  })),
]

const figures = ['EXCHANGES', 'INPUT', 'CACHE WRITE', 'CACHE READ', 'OUTPUT', 'CHARGED', 'ESTIMATED']
