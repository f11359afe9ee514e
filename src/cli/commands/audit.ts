import { Command } from 'commander'
import { connect } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { readLimit } from '../read-limit.ts'
import { tableLines } from '../table.ts'
import { listedTime } from '../time.ts'

interface AuditOptions {
  readonly bottle?: string
  readonly limit: number
  readonly iso?: boolean
  readonly json?: boolean
}

const defaultLimit = 50

export function auditCommand(context: CliContext): Command {
  return new Command('audit')
    .description('Shows what was enforced and why: each intent, its steps, and what came of it. Newest last.')
    .option('--bottle <id>', 'of this bottle only')
    .option('--limit <n>', 'at most so many, the newest', readLimit, defaultLimit)
    .option('--iso', 'times as ISO 8601 in UTC, as programs get them anyway')
    .option('--json', 'print it as JSON: a list of AuditEntry')
    .addHelpText('after', '\nExample:\n  bot-bottle audit --bottle claude-x1y2\n')
    .action((options: AuditOptions) => showAudit(context, options))
}

async function showAudit(
  context: CliContext,
  { bottle, limit, iso = false, json = false }: AuditOptions,
): Promise<void> {
  const client = await connect(context)
  const entries = await client.audit({ limit, ...(bottle !== undefined && { bottle }) })
  if (entries.length === 0 && bottle !== undefined) await client.bottle(bottle)
  if (json) return context.print(inertJson(entries))
  if (entries.length === 0) return context.tell('nothing was enforced')
  const nowMs = context.nowMs()
  const isIso = iso || !Number.isFinite(context.widthColumns)
  const rows = entries.map(({ atMs, bottleId, action, trigger, phase, step, detail }) => [
    listedTime(atMs, { nowMs, isIso }),
    bottleId,
    action,
    trigger,
    step ?? phase,
    detail,
  ])
  for (const line of tableLines(columns, rows, context.widthColumns)) context.print(line)
}

const columns = ['TIME', 'BOTTLE', 'ACTION', 'BY', 'PHASE', 'DETAIL'].map((title) => ({ title }))
