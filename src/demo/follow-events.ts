/** Tells the controller's events as they come: tokens against budget, warnings, cuts. */
import type { ControllerEvent } from '../controller/api.ts'

export interface Seen {
  readonly warnings: number
  readonly cuts: number
}

interface FollowOptions {
  readonly budgetTokens: number
  print(line: string): void
}

const barWidth = 30
/** While one exchange streams, a line for each such share of the budget. */
const stepPercent = 2

export async function followEvents(
  events: AsyncIterable<ControllerEvent>,
  { print, budgetTokens }: FollowOptions,
): Promise<Seen> {
  let settledTokens = 0
  let toldPercent = 0
  let warnings = 0
  let cuts = 0
  const tell = (line: string) => print(`  meter │ ${line}`)
  const tellUsed = (usedTokens: number, note: string) => {
    toldPercent = (usedTokens / budgetTokens) * 100
    tell(`${bar(usedTokens / budgetTokens)} ${grouped(usedTokens)} of ${grouped(budgetTokens)} tokens ${note}`)
  }
  for await (const event of events) {
    switch (event.kind) {
      case 'exchange_progress': {
        const usedTokens = settledTokens + event.observedTokens
        if ((usedTokens / budgetTokens) * 100 - toldPercent >= stepPercent) tellUsed(usedTokens, '(streaming)')
        break
      }
      case 'exchange_settled':
        settledTokens += event.chargeTokens
        tellUsed(settledTokens, `(+${grouped(event.chargeTokens)}, ${event.source})`)
        break
      case 'warning':
        warnings += 1
        tell(`WARNING: ${event.thresholdPercent} % of the budget is used`)
        break
      case 'enforcement':
        if (event.phase === 'intent') tell(`CUT: ${event.detail}`)
        if (event.phase === 'done') {
          cuts += 1
          tell(`${event.action} done: ${event.detail}`)
        }
        break
      default:
    }
  }
  return { warnings, cuts }
}

function bar(share: number): string {
  const full = Math.min(barWidth, Math.round(share * barWidth))
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]`
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
