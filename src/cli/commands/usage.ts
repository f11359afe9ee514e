import { Command, InvalidArgumentError, Option } from 'commander'
import type { UsageReport } from '../../controller/api.ts'
import { BottleError } from '../../core/errors.ts'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { parseTime } from '../time.ts'
import { csvLines } from '../usage/csv.ts'
import { showEstimator } from '../usage/estimator.ts'
import { type UsageLine, usageTableLines } from '../usage/table.ts'
import { timeAxis } from '../usage/time-axis.ts'

interface UsageOptions {
  readonly by: UsageReport['by']
  readonly bottle?: string
  readonly since?: number
  readonly until?: number
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
    .addOption(
      new Option('--estimator', 'how near the estimates of requests came, for each model').conflicts([
        ...['by', 'bottle', 'since', 'until', 'csv'],
      ]),
    )
    .addOption(new Option('--csv', 'print it as CSV').conflicts('json'))
    .option('--json', 'print it as JSON: a UsageReport, with --estimator an EstimatorReport')
    .addHelpText(
      'after',
      `
Examples:
  bot-bottle usage --by model --since 7d
  bot-bottle usage --by day --since 2026-11-01 --until 2026-11-08
  bot-bottle usage --by hour --since 24h --csv > usage.csv
  bot-bottle usage --bottle claude-x1y2 --json
  bot-bottle usage --estimator
`,
    )
    .action((options: UsageOptions) =>
      options.estimator ? showEstimator(context, { json: options.json ?? false }) : showUsage(context, options),
    )
}

async function showUsage(context: CliContext, options: UsageOptions): Promise<void> {
  const { by, bottle, since, until } = options
  if (since !== undefined && until !== undefined && since >= until) {
    throw new BottleError('usage', 'the time of --until is not after that of --since, so nothing lies between', {
      hint: 'Give --since the earlier time.',
    })
  }
  const client = await connect(context)
  const report = await client.usage({
    by,
    ...(since !== undefined && { sinceMs: since }),
    ...(until !== undefined && { untilMs: until }),
    ...(bottle !== undefined && { bottle }),
  })
  if (options.json) return context.print(inertJson(report))
  if (options.csv) return printAll(context, csvLines(csvNames, report.rows))
  if (report.rows.length === 0) return context.tell('nothing was used')
  const lines = linesOf(report, options, context.nowMs())
  printAll(context, usageTableLines({ by, lines, widthColumns: context.widthColumns }))
}

/** Days and hours are shown without a gap. */
function linesOf({ by, rows }: UsageReport, { since, until }: UsageOptions, nowMs: number): readonly UsageLine[] {
  if (by !== 'day' && by !== 'hour') return rows
  const axis = timeAxis(rows, { by, sinceMs: since, untilMs: until ?? nowMs })
  return axis.flatMap(({ time, rows: used }): readonly UsageLine[] => (used.length > 0 ? used : [{ group: time }]))
}

function printAll({ print }: CliContext, lines: readonly string[]): void {
  for (const line of lines) print(line)
}

const csvNames = [
  ...(['group', 'provider', 'exchanges', 'inputTokens', 'cacheWriteTokens', 'cacheWrite1hTokens'] as const),
  ...(['cacheReadTokens', 'outputTokens', 'reasoningTokens', 'chargeTokens', 'estimatedTokens'] as const),
] as const
