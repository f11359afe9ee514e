import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { refuseEmptySpan } from '../empty-span.ts'
import { pageMark, pageOf } from '../report/page.ts'
import { readReport } from '../report/read-report.ts'
import { writePage } from '../report/write-page.ts'
import { parseTime } from '../time.ts'

interface ReportOptions {
  readonly html: string
  readonly since?: number
  readonly until?: number
}

export function reportCommand(context: CliContext): Command {
  const time = (text: string): number => {
    const parsed = parseTime(text, context.nowMs())
    if (parsed.kind === 'invalid') throw new InvalidArgumentError(parsed.why)
    return parsed.timeMs
  }
  return new Command('report')
    .description(
      'Writes a page of charts and tables: tokens over time, cache share, budgets, cuts, denials. It is one file that needs no network and has no script. Days and hours are those of UTC.',
    )
    .requiredOption('--html <file>', 'where to; an earlier report is replaced, and no other file; - is stdout')
    .option('--since <when>', 'only what ended since: 90m, 12h, 7d or a time such as 2026-11-22T08:00Z', time)
    .option('--until <when>', 'only what ended before, written in the same way', time)
    .addHelpText(
      'after',
      `
Examples:
  bot-bottle report --html report.html
  bot-bottle report --since 7d --html week.html
  bot-bottle report --since 2026-11-01 --until 2026-11-08 --html - > first-week.html
`,
    )
    .action((options: ReportOptions) => writeReport(context, options))
}

async function writeReport(context: CliContext, { html, since, until }: ReportOptions): Promise<void> {
  refuseEmptySpan({ since, until })
  const client = await connect(context)
  const page = pageOf(await readReport(client, { sinceMs: since, untilMs: until }, context.nowMs()))
  if (html === '-') return context.print(page.trimEnd())
  const path = resolve(context.cwd, html)
  await writePage(path, { page, mark: pageMark })
  context.tell(`wrote ${path}`)
}
