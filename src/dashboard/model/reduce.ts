/** The next state, and what is to be done, from what happened. Pure: no clock, no promise; the time comes with the message. */
import type { BottleView, ControllerEvent } from '../../controller/api.ts'
import { foldActivity, noActivity } from '../../core/activity/activity.ts'
import { flowKey } from '../../core/activity/flow.ts'
import { newerBudgets, withCharge } from './budgets.ts'
import { watchedSections } from './detail.ts'
import { appended } from './detail-events.ts'
import { noticeFrom } from './notice.ts'
import type { Effect, List, Message, State, Step } from './state.ts'

/** Bottles that ended while we watched; the first to end goes first. */
const maxEnded = 50
const lists: readonly List[] = ['bottles', 'budgets', 'audit']

export function reduce(before: State, message: Message, nowMs: number): Step {
  const state = { ...before, nowMs }
  switch (message.kind) {
    case 'tick':
      return {
        state,
        effects: [
          ...(isResetDue(before, nowMs) ? [{ kind: 'load', list: 'budgets' } as const] : []),
          ...(isWatching(state) ? detailEffects(state) : []),
        ],
      }
    case 'connected':
      return {
        state: { ...state, link: { kind: 'live' }, heard: new Set(), counted: new Set() },
        effects: [...lists.map((list): Effect => ({ kind: 'load', list })), ...detailEffects(state)],
      }
    case 'lost':
      if (state.link.kind === 'lost') return { state, effects: [] }
      return { state: { ...state, link: { kind: 'lost', sinceMs: nowMs, why: message.why } }, effects: [] }
    case 'bottles':
      return { state: { ...state, bottles: readBottles(state, message.bottles), isLoaded: true }, effects: [] }
    case 'budgets':
      return { state: { ...state, budgets: newerBudgets(state, message.budgets) }, effects: [] }
    case 'audit':
      return { state: { ...state, audit: message.audit }, effects: [] }
    case 'detail':
      if (state.detail?.id !== message.id) return { state, effects: [] }
      return { state: { ...state, detail: { ...state.detail, ...message.part } }, effects: [] }
    case 'told':
      return { state: { ...state, notice: { text: message.text, tone: message.tone, atMs: nowMs } }, effects: [] }
    case 'resized':
      return { state: { ...state, pageRows: message.rows }, effects: [] }
    case 'events':
      return afterEvents(state, message.events)
  }
}

function afterEvents(before: State, events: readonly ControllerEvent[]): Step {
  let state = before
  const stale = new Set<List>()
  // A snapshot is where the fold begins again; what came in front of it is in it.
  const snapshotAt = events.findLastIndex(({ kind }) => kind === 'activity')
  const snapshot = events[snapshotAt]
  const base =
    snapshot?.kind === 'activity'
      ? {
          ...noActivity,
          bottles: new Map(snapshot.bottles.map((bottle) => [bottle.bottleId, bottle])),
          flows: new Map(snapshot.flows.map((flow) => [flowKey(flow.scope, flow.provider), flow])),
        }
      : state.activity
  const detail = state.detail && appended(state.detail, events)
  state = { ...state, detail, activity: foldActivity(base, events.slice(snapshotAt + 1)) }
  for (const event of events) {
    switch (event.kind) {
      case 'exchange_settled':
        state = withCharge(state, event)
        break
      case 'bottle':
        state = withBottle(state, event.bottle)
        // Whom a budget holds for has changed.
        stale.add('budgets')
        break
      case 'limits_changed':
        stale.add('budgets').add('bottles')
        break
      case 'enforcement':
        stale.add('audit')
        break
      default:
    }
    const notice = noticeFrom(event)
    if (notice) state = { ...state, notice }
  }
  // What is told of a bottle from here on is newer than the list that is asked for now.
  if (stale.has('bottles')) state = { ...state, heard: new Set() }
  return { state, effects: [...stale].map((list): Effect => ({ kind: 'load', list })) }
}

function withBottle(state: State, bottle: BottleView): State {
  const bottles = new Map(state.bottles)
  if (bottle.endedAtMs !== null) bottles.delete(bottle.id)
  bottles.set(bottle.id, bottle)
  const ended = [...bottles.values()].filter(({ endedAtMs }) => endedAtMs !== null)
  for (const { id } of ended.slice(0, -maxEnded)) bottles.delete(id)
  return { ...state, bottles, heard: new Set(state.heard).add(bottle.id) }
}

/** As read; but what ended before our eyes stays, and what events told since is newer. */
function readBottles({ bottles, heard }: State, read: readonly BottleView[]): ReadonlyMap<string, BottleView> {
  const kept = [...bottles.values()].filter(({ id, endedAtMs }) => endedAtMs !== null || heard.has(id))
  return new Map([...read, ...kept].map((bottle) => [bottle.id, bottle]))
}

function isResetDue({ budgets, nowMs: beforeMs }: State, nowMs: number): boolean {
  return budgets.some(({ resetsAtMs }) => resetsAtMs !== null && resetsAtMs <= nowMs && resetsAtMs > beforeMs)
}

function isWatching({ detail, link, dialog }: State): boolean {
  return (
    detail !== undefined && watchedSections.includes(detail.section) && link.kind === 'live' && dialog === undefined
  )
}

function detailEffects({ detail }: State): readonly Effect[] {
  return detail ? [{ kind: 'load_detail', id: detail.id, section: detail.section }] : []
}
