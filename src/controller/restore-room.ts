import { isSpent } from '../core/budget/admit.ts'
import { periodOfKey } from '../core/budget/period.ts'
import type { Counter } from '../core/budget/scope.ts'
import { cutReason, spentMessage } from '../core/budget/wording.ts'
import { BottleError } from '../core/errors.ts'
import type { BottleView } from './api.ts'

/** A restore that the next request would undo at once helps nobody. */
export function refuseWithoutRoom(
  command: 'restore' | 'resume',
  { id, budgets }: Pick<BottleView, 'id' | 'budgets'>,
): void {
  const spent = budgets.find(isSpent)
  if (!spent) return
  throw new BottleError('refused', cutReason(spentMessage(spent)), { hint: raiseHint(`${command} ${id}`, spent) })
}

function raiseHint(command: string, { scope, provider, period }: Counter): string {
  if (scope.startsWith('run:')) return `Give it a higher limit: bot-bottle ${command} --budget ${provider}=N`
  const file = scope === 'host' ? 'settings.yml' : 'its file'
  const kind = periodOfKey(period)
  const change = `bot-bottle budget set ${scope} ${provider}=N${kind === 'total' ? '' : ` --period ${kind}`}`
  return `Raise \`budget\` in ${file} above what is used, or: ${change}; then again: bot-bottle ${command}`
}
