/** What bottles do, in memory: folded from the bus as it goes, so that whoever begins to watch starts from the truth. */
import { type Activity, foldActivity, idleBottle, noActivity } from '../core/activity/activity.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ActivitySnapshot, ControllerEvent } from './api.ts'
import type { EventBus } from './event-bus.ts'

export interface ActivityBook extends Disposable {
  snapshot(): ActivitySnapshot
}

export interface ActivityBookOptions {
  readonly bus: EventBus
  readonly ledger: Pick<Ledger, 'bottles' | 'usage'>
  readonly nowMs: () => number
}

/** A fold copies its maps: one for many events costs little more than one for one. */
const maxWaitingEvents = 256

/** To be opened before any bottle is taken up: what the ledger has by then is not told by any event. */
export async function openActivityBook({ bus, ledger, nowMs }: ActivityBookOptions): Promise<ActivityBook> {
  let activity = await earlierActivity(ledger)
  let waiting: ControllerEvent[] = []
  const fold = () => {
    activity = foldActivity(activity, waiting)
    waiting = []
  }
  const subscription = bus.subscribe((event) => {
    waiting.push(event)
    if (waiting.length >= maxWaitingEvents) fold()
  })
  return {
    snapshot() {
      fold()
      const bottles = [...activity.bottles.values()]
      return { kind: 'activity', bottles, flows: [...activity.flows.values()], atMs: nowMs() }
    },
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  }
}

async function earlierActivity(ledger: ActivityBookOptions['ledger']): Promise<Activity> {
  const rows = await ledger.bottles({ living: true, frozen: true })
  const bottles = rows.map(async ({ id }) => {
    const usage = await ledger.usage({ by: 'bottle', bottleId: id })
    const sumOf = (of: (row: (typeof usage)[number]) => number) => usage.reduce((sum, row) => sum + of(row), 0)
    const tokens = {
      inputTokens: sumOf((row) => row.inputTokens),
      cacheWriteTokens: sumOf((row) => row.cacheWriteTokens),
      cacheReadTokens: sumOf((row) => row.cacheReadTokens),
      outputTokens: sumOf((row) => row.outputTokens),
    }
    const exchanges = sumOf((row) => row.exchanges)
    const chargedTokens = sumOf((row) => row.chargeTokens)
    return [id, { ...idleBottle(id), tokens, exchanges, chargedTokens }] as const
  })
  return { ...noActivity, bottles: new Map(await Promise.all(bottles)) }
}
