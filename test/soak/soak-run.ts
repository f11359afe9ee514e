/**
 * Phases of a few seconds in which several users do what the seed says while controllers are killed, each followed by a look at
 * what is left when all bottles but frozen ones have ended.
 */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../src/core/errors.ts'
import { hostPaths } from '../../src/host/paths.ts'
import type { Command } from '../fakes/command.ts'
import type { SeenExchange } from '../fakes/load-clients.ts'
import { seededRandom } from '../fakes/seeded-random.ts'
import type { TestUser } from '../fakes/test-user.ts'
import { until } from '../fakes/until.ts'
import { harass } from './harass.ts'
import { createJournal, type Journal } from './journal.ts'
import { leaksOf, lookAround, type Rest, restOf } from './look-around.ts'
import { openSoakHost, type SoakHost } from './soak-host.ts'
import { type FrozenBottles, visit } from './visitor.ts'

export interface SoakReport {
  readonly phases: number
  readonly exchanges: number
  readonly exact: number
  readonly counts: Journal['counts']
  readonly problems: readonly string[]
  /** What went before the problems. */
  readonly lines: readonly string[]
}

export interface SoakOptions {
  readonly seed: number
  readonly durationMs: number
  readonly user: TestUser
}

const phaseMs = 12_000
const visitors = 3
/** For a later phase to resume. */
const maxFrozen = 3
/** A phase in so many is left by the controllers in peace, so that one that lives long is looked at. */
const phasesPerPeace = 3
/** A command that has lost its bottle looks for the next controller for 30 s. */
const endTimeoutMs = 60_000

export async function soak({ seed, durationMs, user }: SoakOptions): Promise<SoakReport> {
  await using host = await openSoakHost(user)
  const journal = createJournal()
  const frozen: FrozenBottles = new Map()
  const endMs = performance.now() + durationMs
  await host.start(['run', '--workspace', 'none', '--', 'true']).ended
  await host.start(['kill', ...(await allIds(host))]).ended
  const rest = await restOf(host)
  const totals = { phases: 0, served: 0, exchanges: 0, exact: 0 }
  while (performance.now() < endMs && journal.problems.length === 0) {
    const phase = `p${totals.phases}-`
    const isPeaceful = totals.phases % phasesPerPeace === phasesPerPeace - 1
    journal.note(`${user.title}: phase ${totals.phases}, seed ${seed}${isPeaceful ? ', in peace' : ''}`)
    const { seen, commands } = await runPhase({
      host,
      journal,
      frozen,
      seed: seed + totals.phases * 7_919,
      phase,
      isPeaceful,
    })
    try {
      await comeToRest({ host, journal, frozen, commands, rest })
      const look = await lookAround(host, {
        ...{ rest, phase, seen, servedBefore: totals.served },
        frozen: new Set(frozen.keys()),
      })
      for (const problem of look.problems) journal.problem(`${user.title}, phase ${totals.phases}: ${problem}`)
      totals.served = look.served
      totals.exchanges += look.exchanges
      totals.exact += look.exact
    } catch (error) {
      journal.problem(`${user.title}, phase ${totals.phases}: ${messageOf(error)}`)
    }
    totals.phases += 1
  }
  for (const line of await complaints(host)) journal.problem(`${user.title}: the controller's log: ${line}`)
  const { phases, exchanges, exact } = totals
  return { phases, exchanges, exact, counts: journal.counts, problems: journal.problems, lines: journal.lines }
}

interface Phase {
  readonly host: SoakHost
  readonly journal: Journal
  readonly frozen: FrozenBottles
  readonly seed: number
  readonly phase: string
  readonly isPeaceful: boolean
}

async function runPhase({ host, journal, frozen, seed, phase, isPeaceful }: Phase) {
  const seen: SeenExchange[] = []
  const commands: Command[] = []
  const over = new AbortController()
  const isOver = () => over.signal.aborted
  const visits = Array.from({ length: visitors }, (_, lane) =>
    visit({
      ...{ host, journal, frozen, seen, commands, isOver },
      random: seededRandom(seed + 1 + lane * 104_729),
      name: `${phase}${lane}-`,
    }),
  )
  const harassment = isPeaceful ? [] : [harass({ host, journal, isOver, random: seededRandom(seed) })]
  const all = Promise.all([...visits, ...harassment])
  await Promise.race([all, delay(phaseMs)])
  over.abort()
  await all
  return { seen, commands }
}

interface Ending {
  readonly host: SoakHost
  readonly journal: Journal
  readonly frozen: FrozenBottles
  readonly commands: readonly Command[]
  readonly rest: Rest
}

/** Kills every bottle but some of the frozen ones, and waits until that is over. */
async function comeToRest({ host, journal, frozen, commands, rest }: Ending): Promise<void> {
  journal.note('coming to rest')
  // Starts a controller where there is none.
  await host.start(['run', '--workspace', 'none', '--', 'true']).ended
  const rows = await host.product.inLedger((ledger) => ledger.bottles({ living: false, limit: maxRows }))
  const stillFrozen = new Set(rows.filter(({ state }) => state === 'frozen').map(({ id }) => id))
  for (const id of [...frozen.keys()].filter((one) => !stillFrozen.has(one))) frozen.delete(id)
  for (const id of [...frozen.keys()].slice(maxFrozen)) frozen.delete(id)
  const client = await host.product.client()
  let hasEnded = false
  void Promise.all(commands.map(({ ended }) => ended)).then(() => {
    hasEnded = true
  })
  // Again and again: a command that takes its time may begin a bottle yet.
  const isOver = async () => {
    const wasEnded = hasEnded
    const bottles = await client.bottles()
    const starting = new Set(bottles.filter(({ state }) => state === 'starting').map(({ id }) => id))
    const ids = [...bottles.map(({ id }) => id), ...(await allIds(host))].filter((id) => !frozen.has(id))
    for (const id of new Set(ids)) if (!starting.has(id)) await client.kill(id)
    return wasEnded && ids.length === 0
  }
  await until('every bottle and every command has ended', isOver, endTimeoutMs)
  await until('the provider has served all', async () =>
    (await host.product.provider.served()).every(({ end }) => end !== 'open'),
  )
  // What goes on behind an answer takes a moment more; what is left after that is looked at once more, and told.
  const isClean = async () => (await leaksOf(host, rest, new Set(frozen.keys()))).length === 0
  await until('all is gone', isClean).catch(() => undefined)
}

const maxRows = 10_000

async function allIds(host: SoakHost): Promise<readonly string[]> {
  const { instancesPath } = hostPaths(host.product.home)
  return (await readdir(instancesPath)).filter((name) => !name.startsWith('.'))
}

/** Of all controllers of this host. */
async function complaints(host: SoakHost): Promise<readonly string[]> {
  const log = await readFile(hostPaths(host.product.home).logPath, 'utf8')
  return log.split('\n').filter((line) => /\bbug: |^\w*Error\b/.test(line))
}
