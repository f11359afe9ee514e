/** The sentences about budgets that users and agents read. They name one budget and nothing about other bottles (E12). */
import { utcMinute } from '../calendar.ts'
import { periodOfKey, spanOf } from './period.ts'
import type { Counter, CounterKey } from './scope.ts'

export interface SpentDetails {
  /** What the exchange that was cut had used itself, not yet settled. */
  readonly inFlightTokens?: number
  /** What the refused call was estimated to need at least. */
  readonly neededTokens?: number
}

export function spentMessage(counter: Counter, { inFlightTokens = 0, neededTokens = 0 }: SpentDetails = {}): string {
  const limit = tokens(counter.limitTokens ?? 0)
  const used = `${tokens(counter.settledTokens + inFlightTokens)} of ${limit} ${counter.provider} tokens used`
  const short = neededTokens > 0 ? `, and this call needs about ${tokens(neededTokens)}` : ''
  return `bot-bottle: budget spent (${budgetInWords(counter)}): ${used}${short}. ${resetInWords(counter.period)}`
}

/** `80 % of the budget (run claude-1): 160,000 of 200,000 claude tokens`. */
export function warningInWords(counter: Counter, thresholdPercent: number): string {
  const { provider, limitTokens, settledTokens } = counter
  const used = `${tokens(settledTokens)} of ${tokens(limitTokens ?? 0)} ${provider} tokens`
  return `${thresholdPercent} % of the budget (${budgetInWords(counter)}): ${used}`
}

export function pendingMessage(counter: Counter): string {
  const left = tokens(Math.max(0, (counter.limitTokens ?? 0) - counter.settledTokens))
  return `bot-bottle: the last ${left} ${counter.provider} tokens of the budget (${budgetInWords(counter)}) are held by requests in flight. Ask again shortly.`
}

export const operatorCutMessage =
  'bot-bottle: an operator has cut off this bottle. Nothing leaves it until it is restored.'

export const operatorFreezeMessage = 'bot-bottle: an operator has frozen this bottle.'
export const operatorKillMessage = 'bot-bottle: an operator has ended this bottle.'
export const timeoutMessage = 'bot-bottle: the time of this bottle is over.'

/** Whose budget it is, and for how long: `this host`, `bottle web, per day`. */
export function budgetInWords({ scope, period }: Pick<CounterKey, 'scope' | 'period'>): string {
  const [kind, name] = scope.split(':', 2)
  const whose = name === undefined ? 'this host' : `${kind} ${name}`
  const span = periodOfKey(period)
  return span === 'total' ? whose : `${whose}, per ${span}`
}

/** When there is a whole budget again. */
export function resetInWords(period: string): string {
  const span = spanOf(period)
  if (span) return `It resets at ${utcMinute(span.endMs)}.`
  return periodOfKey(period) === 'run' ? 'It does not reset; the next run has its own.' : 'It does not reset by itself.'
}

function tokens(count: number): string {
  return count.toLocaleString('en-US')
}

/** A message to clients as a sentence for the audit. */
export function cutReason(message: string): string {
  return message.replace(/^bot-bottle: /, '')
}
