/**
 * Kills controllers under load, one after the other on one home. What a round leaves behind is looked at in the next one
 * whose controller lives long enough to recover.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ControllerEvent } from '../../src/controller/api.ts'
import { type ControllerClient, createClient } from '../../src/controller/client.ts'
import type { SeenExchange } from '../fakes/load-clients.ts'
import { startLoad } from './bottle-load.ts'
import { type ControllerProcess, type FaultHost, openFaultHost } from './fault-host.ts'
import { type KillPoint, planRound, type RoundPlan } from './kill-plan.ts'
import { type Aftermath, lookBack } from './look-back.ts'

export interface FaultReport {
  /** By what killed them; `late`: nothing had until the round was over. */
  readonly kills: Readonly<Record<KillPoint['kind'] | 'late', number>>
  readonly served: number
  /** Charged as the provider reported. */
  readonly exact: number
  /** Charged at their hold, since nobody saw their end. */
  readonly unseen: number
  /** Of those: below what the provider told and no client got. */
  readonly lostOnTheWay: number
  readonly mostShortTokens: number
  /** Empty: no charge lost, no hold leaked, nothing left behind. */
  readonly problems: readonly string[]
}

export interface FaultRunOptions {
  readonly seed: number
  readonly rounds: number
  onRound?(round: number): void
}

/** Of load; a ledger that was to die at a statement which did not come is killed then. */
const loadTimeoutMs = 2_500
/** A start, of a controller or of bottles, that hangs. */
const startTimeoutMs = 30_000
const maxProblems = 20

export async function runFaults({ seed, rounds, onRound }: FaultRunOptions): Promise<FaultReport> {
  await using host = await openFaultHost()
  const kills = { start: 0, time: 0, request: 0, piece: 0, answer: 0, ledger: 0, late: 0 }
  const totals = { served: 0, exact: 0, unseen: 0, lostOnTheWay: 0, mostShortTokens: 0 }
  const problems: string[] = []
  const aftermath: Aftermath = { rounds: [], loads: [], seen: [], settled: new Map() }

  const look = async (round: number, client: ControllerClient, controller: ControllerProcess) => {
    const found = await lookBack(aftermath, { host, client, controller })
    for (const name of ['served', 'exact', 'unseen', 'lostOnTheWay'] as const) totals[name] += found[name]
    totals.mostShortTokens = Math.max(totals.mostShortTokens, found.mostShortTokens)
    problems.push(...found.problems.map((problem) => `before round ${round}: ${problem}`))
  }

  for (let round = 0; round < rounds && problems.length < maxProblems; round++) {
    const plan = planRound(seed, round)
    const { point } = plan
    const controller = host.startController(point)
    const client = createClient(host.paths.socketPath)
    const over = new AbortController()
    let cause: keyof typeof kills = point.kind
    const killAfter = async (afterMs: number, reason: typeof cause) => {
      await delay(afterMs, undefined, { signal: over.signal }).catch(() => {})
      if (over.signal.aborted) return
      cause = reason
      controller.kill('SIGKILL')
    }
    void killAfter(startTimeoutMs, 'late')
    if (point.kind === 'start') void killAfter(point.afterMs, 'start')
    if (await controller.ready) {
      if (point.kind === 'time') void killAfter(point.afterMs, 'time')
      try {
        await look(round, client, controller)
        await startLoads({ plan, round, client, controller, host, aftermath })
        void killAfter(loadTimeoutMs, 'late')
      } catch (error) {
        // A controller that is being killed breaks off whatever it was asked.
        await Promise.race([controller.ended, delay(1_000)])
        if (!controller.hasEnded) problems.push(`round ${round}: ${String(error)}`)
      }
    }
    await controller.ended
    over.abort()
    kills[cause] += 1
    problems.push(...complaintsIn(controller.output).map((line) => `round ${round}: ${line}`))
    onRound?.(round)
  }

  const last = host.startController()
  if (await last.ready) await look(rounds, createClient(host.paths.socketPath), last)
  else problems.push(`the last controller did not start: ${last.output}`)
  last.kill('SIGTERM')
  await last.ended
  return { kills, ...totals, problems }
}

interface Load {
  readonly plan: RoundPlan
  readonly round: number
  readonly client: ControllerClient
  readonly controller: ControllerProcess
  readonly host: FaultHost
  readonly aftermath: Aftermath
}

async function startLoads({ plan, round, client, controller, host, aftermath }: Load): Promise<void> {
  const { point, bottles } = plan
  const { rounds, loads, seen, settled } = aftermath
  const ended = new AbortController()
  void controller.ended.then(() => ended.abort())
  rounds.push(`round${round}-`)
  if (point.kind === 'request' || point.kind === 'piece') {
    host.armProvider({ event: point.kind, count: point.count, pid: controller.pid })
  }
  let answers = 0
  const onSeen = (exchange: SeenExchange) => {
    seen.push(exchange)
    if (exchange.isWhole) answers += 1
    if (point.kind === 'answer' && answers === point.count) controller.kill('SIGKILL')
  }
  void noteSettled(await client.events(ended.signal), settled)
  const starts = bottles.map(async (load, index) => {
    loads.push(await startLoad({ client, name: `round${round}-${index}`, load, onSeen, signal: ended.signal }))
  })
  const failed = (await Promise.allSettled(starts)).find((start) => start.status === 'rejected')
  if (failed) throw failed.reason
}

/** What the controller tells to be settled is durable. */
async function noteSettled(events: AsyncIterable<ControllerEvent>, settled: Map<string, number>): Promise<void> {
  try {
    for await (const event of events) {
      if (event.kind === 'exchange_settled') settled.set(event.attemptId, event.chargeTokens)
    }
  } catch {
    // Its controller was killed.
  }
}

/** Lines in which a controller tells of its own bugs, or in which its program fails. */
function complaintsIn(output: string): readonly string[] {
  return output.split('\n').filter((line) => /\bbug: |^\w*Error\b/.test(line))
}
