import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { groupedNumber, tableLines } from '../table.ts'
import { listedTime } from '../time.ts'

interface JsonOption {
  readonly json?: boolean
}

export function hostsCommand(context: CliContext): Command {
  return new Command('hosts')
    .description(
      'Lists the hosts that share the ledger by a PostgreSQL database. HELD is what one may spend and did not yet.',
    )
    .option('--json', 'print it as JSON: a list of hosts')
    .action(async ({ json = false }: JsonOption) => {
      await using shared = await openShared(context)
      const hosts = await shared.list()
      if (json) return context.print(inertJson(hosts))
      if (hosts.length === 0) return context.tell(`no host ever used ${shared.name}`)
      const how = { nowMs: context.nowMs(), isIso: !Number.isFinite(context.widthColumns) }
      const rows = hosts.map(({ hostId, name, joinedAtMs, seenAtMs, heldTokens }) => [
        ...[hostId, name, listedTime(joinedAtMs, how), listedTime(seenAtMs, how), groupedNumber(heldTokens)],
      ])
      for (const line of tableLines(columns, rows, context.widthColumns)) context.print(line)
    })
}

export function forgetHostCommand(context: CliContext): Command {
  return new Command('forget-host')
    .description('Frees what a host that never comes back was granted and did not tell as spent.')
    .argument('<id>', 'of the host, as `ledger hosts` lists it')
    .option('--json', 'print it as JSON: {forgotten}')
    .action(async (id: string, { json = false }: JsonOption) => {
      await using shared = await openShared(context)
      await shared.forget(id, context.nowMs())
      if (json) context.print(inertJson({ forgotten: id }))
      else context.tell(`${id} holds nothing any more`)
    })
}

async function openShared({ entries, home, env }: CliContext) {
  return (await entries.sharedLedger()).sharedHosts(home, env)
}

const columns = [
  { title: 'ID', isWhole: true },
  { title: 'NAME' },
  { title: 'JOINED' },
  { title: 'SEEN' },
  { title: 'HELD', align: 'right' },
] as const
