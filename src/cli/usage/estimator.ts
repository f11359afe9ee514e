/** `usage --estimator`: how near the estimates of requests came. */
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { type Column, tableLines } from '../table.ts'
import { ageInWords } from '../time.ts'

export async function showEstimator(context: CliContext, { json }: { readonly json: boolean }): Promise<void> {
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
  for (const line of tableLines(columns, rows, context.widthColumns)) context.print(line)
}

const columns: readonly Column[] = [
  { title: 'PROVIDER' },
  { title: 'MODEL' },
  ...['SAMPLES', 'ERROR %', 'P95 %', 'MARGIN %', 'BEYOND %', 'AGE'].map((title) => ({
    title,
    align: 'right' as const,
  })),
]
