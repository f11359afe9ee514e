import { Command } from 'commander'
import { connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { readLimit } from '../read-limit.ts'
import { tableLines } from '../table.ts'
import { listedTime } from '../time.ts'

interface DenialsOptions {
  readonly limit: number
  readonly iso?: boolean
  readonly json?: boolean
}

const defaultLimit = 50

export function denialsCommand(context: CliContext): Command {
  return new Command('denials')
    .description(
      'Shows what bottles were refused, how often, and what would allow it, from their egress logs. The newest last.',
    )
    .argument('[id]', 'of this bottle only')
    .option('--limit <n>', 'at most so many, the newest', readLimit, defaultLimit)
    .option('--iso', 'times as ISO 8601 in UTC, as programs get them anyway')
    .option('--json', 'print it as JSON: a list of DenialRow')
    .addHelpText('after', '\nExample:\n  bot-bottle denials claude-3fa2c1\n')
    .action(async (id: string | undefined, { limit, iso = false, json = false }: DenialsOptions) => {
      const client = await connectOrStart(context)
      const denials = await client.denials({ limit, ...(id !== undefined && { bottle: id }) })
      if (denials.length === 0 && id !== undefined) await client.bottle(id)
      if (json) return context.print(inertJson(denials))
      if (denials.length === 0) return context.tell('nothing was refused, as far as the logs go back')
      const how = { nowMs: context.nowMs(), isIso: iso || !Number.isFinite(context.widthColumns) }
      const time = (timeMs: number) => listedTime(timeMs, how)
      const rows = denials.map(({ lastAtMs, firstAtMs, bottleId, count, method, host, path, code, reason }) => [
        ...[time(firstAtMs), time(lastAtMs), bottleId, count, `${method} ${host}${path}`, code, reason],
      ])
      for (const line of tableLines(columns, rows, context.widthColumns)) context.print(line)
    })
}

const columns = [
  { title: 'FIRST' },
  { title: 'LAST' },
  { title: 'BOTTLE' },
  { title: 'TIMES', align: 'right' },
  { title: 'REQUEST' },
  { title: 'CODE' },
  { title: 'WHY' },
] as const
