/** What must be true once a controller has recovered from the deaths before it, whatever they interrupted. */
import { readdir } from 'node:fs/promises'
import type { ControllerClient } from '../../src/controller/client.ts'
import { compareBooks, type Findings } from '../fakes/check-books.ts'
import type { SeenExchange } from '../fakes/load-clients.ts'
import { until } from '../fakes/until.ts'
import type { RunningLoad } from './bottle-load.ts'
import type { ControllerProcess, FaultHost } from './fault-host.ts'

/** What happened since the books were looked at. */
export interface Aftermath {
  /** The names of rounds; those of their exchanges begin with them. */
  readonly rounds: string[]
  readonly loads: RunningLoad[]
  readonly seen: SeenExchange[]
  /** What controllers told to be settled: attempt → charge. */
  readonly settled: Map<string, number>
}

export interface LookedBack extends Findings {
  readonly problems: readonly string[]
}

const maxEvents = 20_000

/** Ends the bottles that are left, then looks. Rejects when the controller dies meanwhile. */
export async function lookBack(
  { rounds, loads, seen, settled }: Aftermath,
  {
    host,
    client,
    controller,
  }: { readonly host: FaultHost; readonly client: ControllerClient; readonly controller: ControllerProcess },
): Promise<LookedBack> {
  const { instancesPath } = host.paths
  const living = (await client.bottles()).map(({ id }) => id)
  const kept = (await readdir(instancesPath)).filter((name) => !name.startsWith('.'))
  for (const id of new Set([...living, ...kept])) await client.kill(id)
  await until('what is being removed is gone', async () =>
    (await readdir(instancesPath)).every((name) => !name.startsWith('.')),
  )
  for (const load of loads) await load.end()
  const served = await host.takeServed()
  const books = await host.inLedger(async (ledger) => ({
    counters: await ledger.counters(),
    events: await ledger.events({ limit: maxEvents }),
    unfinished: await ledger.openEnforcements(),
    mismatches: await ledger.verify(),
  }))
  const events = books.events.filter(({ model }) => rounds.some((round) => model?.startsWith(round)))
  const findings = compareBooks({ served, seen, events })
  const charges = new Map(books.events.map(({ attemptId, chargeTokens }) => [attemptId, chargeTokens]))
  const running = await host.startedByControllers()
  const problems = [
    ...(['lost', 'doubled', 'wrong', 'short'] as const).flatMap((kind) =>
      findings[kind].map((found) => `${kind}: ${found}`),
    ),
    ...[...settled]
      .filter(([attemptId, chargeTokens]) => charges.get(attemptId) !== chargeTokens)
      .map(([attemptId, tokens]) => `${attemptId} was told to be charged ${tokens}, and was ${charges.get(attemptId)}`),
    ...books.counters
      .filter(({ reservedTokens }) => reservedTokens !== 0)
      .map((counter) => `a hold leaked: ${JSON.stringify(counter)}`),
    ...books.mismatches.map((mismatch) => `a counter is not its events: ${JSON.stringify(mismatch)}`),
    ...books.unfinished.map((entry) => `an enforcement has no end: ${JSON.stringify(entry)}`),
    ...(await readdir(instancesPath)).map((id) => `the directory of ${id} is left`),
    ...running
      .filter((line) => Number.parseInt(line, 10) !== controller.pid)
      .map((line) => `a process is left: ${line}`),
  ]
  for (const list of [rounds, loads, seen]) list.length = 0
  settled.clear()
  return { ...findings, problems }
}
