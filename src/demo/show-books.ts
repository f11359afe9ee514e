/** What the host has in its books afterwards: the ledger, the audit, and whether they agree with what the provider served. */

import { inert } from '../cli/inert.ts'
import { tableLines } from '../cli/table.ts'
import { weightPresets } from '../core/budget/weights.ts'
import { chargeOf } from '../core/metering/usage.ts'
import type { Stage } from './stage.ts'

const widthColumns = 110
/** A stream that is cut is charged what was seen of it, by an estimate. */
const toleratedShare = 0.05

/** True when ledger and provider agree. */
export async function showBooks(
  { client, started, provider }: Stage,
  { print }: { print(line: string): void },
): Promise<boolean> {
  const bottle = started.bottle.id
  const exchanges = await client.exchanges({ bottle, limit: 100 })
  print('\nThe ledger, one row an exchange:')
  const columns = [
    { title: 'model' },
    { title: 'input', align: 'right' },
    { title: 'cache write', align: 'right' },
    { title: 'cache read', align: 'right' },
    { title: 'output', align: 'right' },
    { title: 'charged', align: 'right' },
    { title: 'source' },
    { title: 'ended' },
  ] as const
  const rows = exchanges.map((exchange) => [
    exchange.model ?? '',
    exchange.inputTokens ?? 0,
    (exchange.cacheWrite5mTokens ?? 0) + (exchange.cacheWrite1hTokens ?? 0),
    exchange.cacheReadTokens ?? 0,
    exchange.outputTokens ?? 0,
    exchange.chargeTokens,
    exchange.source,
    exchange.ending,
  ])
  for (const line of tableLines(columns, rows, widthColumns)) print(`  ${line}`)

  print('\nThe audit:')
  for (const entry of await client.audit({ bottle, limit: 100 })) {
    print(
      `  ${new Date(entry.atMs).toISOString()}  ${entry.action} ${entry.phase} (${entry.trigger}): ${inert(entry.detail)}`,
    )
  }

  const chargedTokens = exchanges.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0)
  const served = (await provider.served()).filter(({ path }) => path.startsWith('/v1/messages'))
  const servedTokens = served.reduce((sum, { billed }) => sum + (billed ? chargeOf(billed, weightPresets.raw) : 0), 0)
  const keys = new Set(served.flatMap(({ credentials }) => Object.values(credentials)))
  print(`
The provider's own count: ${servedTokens.toLocaleString('en-US')} tokens in ${served.length} calls; the ledger charged ${chargedTokens.toLocaleString('en-US')}.
The key that the provider saw: ${[...keys].join(', ')}. The key in the bottle: a placeholder.`)
  return Math.abs(servedTokens - chargedTokens) <= servedTokens * toleratedShare
}
