/** Tokens that flowed at a scope, minute by minute, over the last hour. What a running exchange uses counts as it comes. */

export interface Flow {
  readonly scope: string
  readonly provider: string
  /** The minute (since the epoch) of the last of `tokens`. */
  readonly minute: number
  /** One number a minute without gaps, at most an hour of them, the newest last. */
  readonly tokens: readonly number[]
}

export const flowMinutes = 60
const minuteMs = 60_000

export function flowKey(scope: string, provider: string): string {
  return `${scope}\n${provider}`
}

/** `tokens` may be negative: an exchange was charged less than it was seen to use. No minute falls below 0. */
export function flowed(flow: Flow, tokens: number, atMs: number): Flow {
  const minute = Math.floor(atMs / minuteMs)
  const past = minutesUpTo(flow, minute)
  const last = Math.max(0, (past.at(-1) ?? 0) + tokens)
  return { ...flow, minute: Math.max(minute, flow.minute), tokens: past.with(-1, last) }
}

/** One number for each minute of the last hour, the one that runs last. */
export function lastHour(flow: Flow | undefined, nowMs: number): readonly number[] {
  const known = flow ? minutesUpTo(flow, Math.floor(nowMs / minuteMs)) : []
  return [...Array<number>(flowMinutes - known.length).fill(0), ...known]
}

/** Of the minute that runs and the one before it. */
export function tokensPerMinute(flow: Flow | undefined, nowMs: number): number {
  if (!flow) return 0
  const minutes = lastHour(flow, nowMs)
  const tokens = (minutes.at(-1) ?? 0) + (minutes.at(-2) ?? 0)
  return Math.round(tokens / (1 + (nowMs % minuteMs) / minuteMs))
}

/** Never empty. A clock that steps back counts in the newest minute. */
function minutesUpTo({ minute, tokens }: Flow, upTo: number): readonly number[] {
  if (tokens.length === 0) return [0]
  const passed = Math.min(flowMinutes, Math.max(0, upTo - minute))
  return [...tokens, ...Array<number>(passed).fill(0)].slice(-flowMinutes)
}
