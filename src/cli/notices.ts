/** What the person at the terminal is told while a bottle runs: one line for what changes their work, nothing else. */
import type { ControllerEvent } from '../controller/api.ts'
import { budgetInWords } from '../core/budget/wording.ts'
import type { NotifyEvent } from '../core/manifest/notify-notation.ts'
import { groupedNumber } from './table.ts'

export function noticeOf(event: ControllerEvent): string | undefined {
  if (event.kind === 'warning') {
    const { provider, limitTokens, settledTokens } = event.counter
    const used = `${groupedNumber(settledTokens)} of ${groupedNumber(limitTokens ?? 0)} ${provider} tokens`
    return `${event.thresholdPercent} % of the budget is used (${budgetInWords(event.counter)}): ${used}`
  }
  if (event.kind === 'limit') return `the bottle exceeded its ${event.limit}: ${event.detail}`
  if (event.kind !== 'enforcement') return undefined
  if (event.phase === 'failed') return `${event.action} failed: ${event.detail}`
  // The intent is told, since it holds from then on; its success only adds what the controller verified.
  return event.phase === 'intent' ? `${happening[event.action]}: ${withoutName(event.detail)}` : undefined
}

/** Whether the terminal rings at what is told. */
export function isRung(event: ControllerEvent, bell: readonly NotifyEvent[]): boolean {
  if (event.kind === 'warning' || event.kind === 'limit') return bell.includes(event.kind)
  return event.kind === 'enforcement' && bell.includes(event.action)
}

const happening = {
  cutoff: 'cut off',
  freeze: 'frozen',
  kill: 'killed',
  restore: 'restored',
  resume: 'resumed',
  restart: 'restarted',
} as const

function withoutName(detail: string): string {
  return detail.replace(/^bot-bottle: /, '')
}
