/** What is told to programs and webhooks: an event of a bottle, with an id and a sentence. Its shape is in docs/json.md. */
import { cutReason, warningInWords } from '../../core/budget/wording.ts'
import type { NotifyEvent } from '../../core/manifest/notify-notation.ts'
import type { ControllerEvent } from '../api.ts'

export type NotableEvent = Extract<ControllerEvent, { readonly kind: 'warning' | 'enforcement' | 'limit' }>

/** `id` is the same in every attempt to tell it. `text` is for people, and what chats show of a webhook. */
export type Notification = { readonly id: string; readonly text: string } & NotableEvent

/** `undefined`: nothing to be told, as are an intent and its steps, which the outcome follows. */
export function notableEvent(event: ControllerEvent): NotableEvent | undefined {
  if (event.kind === 'warning' || event.kind === 'limit') return event
  return event.kind === 'enforcement' && (event.phase === 'done' || event.phase === 'failed') ? event : undefined
}

export function eventName(event: NotableEvent): NotifyEvent {
  return event.kind === 'enforcement' ? event.action : event.kind
}

export function notificationOf(event: NotableEvent, id: string): Notification {
  return { id, text: `bot-bottle: ${event.bottleId} ${whatHappened(event)}`, ...event }
}

function whatHappened(event: NotableEvent): string {
  if (event.kind === 'warning') return `has used ${warningInWords(event.counter, event.thresholdPercent)}`
  if (event.kind === 'limit') return `exceeded its ${event.limit}: ${event.detail}`
  if (event.phase === 'failed') return `could not be ${done[event.action]} as it should: ${event.detail}`
  return `was ${done[event.action]}: ${cutReason(event.reason)}`
}

const done = {
  cutoff: 'cut off',
  freeze: 'frozen',
  kill: 'killed',
  restore: 'restored',
  resume: 'resumed',
  restart: 'restarted',
} as const
