import { Command } from 'commander'
import { connectOrStart } from '../connect.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { readLimit } from '../read-limit.ts'
import { tableLines } from '../table.ts'
import { localTime } from '../time.ts'

interface DenialsOptions {
  readonly limit: number
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
    .option('--json', 'print it as JSON: a list of DenialRow')
    .addHelpText('after', '\nExample:\n  bot-bottle denials claude-3fa2c1\n')
    .action(async (id: string | undefined, { limit, json = false }: DenialsOptions) => {
      const client = await connectOrStart(context)
      const denials = await client.denials({ limit, ...(id !== undefined && { bottle: id }) })
      if (denials.length === 0 && id !== undefined) await client.bottle(id)
      if (json) return context.print(inertJson(denials))
      if (denials.length === 0) return context.tell('nothing was refused, as far as the logs go back')
      const rows = denials.map(({ lastAtMs, firstAtMs, bottleId, count, method, host, path, code, reason }) => [
        ...[localTime(firstAtMs), localTime(lastAtMs), bottleId, count, `${method} ${host}${path}`, code, reason],
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
