/** What is asked, in one line. */
import { groupedNumber } from '../../cli/table.ts'
import type { Dialog } from '../model/state.ts'
import { type Line, span } from '../text/line.ts'

export function dialogLine(dialog: Dialog): Line {
  switch (dialog.kind) {
    case 'confirm':
      return [
        span(
          dialog.action === 'kill'
            ? ` Kill ${dialog.id}, and remove what it changed? (y/n)`
            : ` Freeze ${dialog.id}? Its programs end, its files are kept. (y/n)`,
        ),
      ]
    case 'search':
      return [span(` Search: ${dialog.text}_`)]
    case 'raise': {
      const { choices, chosen, text } = dialog
      const choice = choices[chosen]
      if (!choice) return []
      const { scope, provider, usedTokens, limitTokens } = choice
      const now = limitTokens === null ? 'none so far' : `now ${groupedNumber(limitTokens)}`
      const other = choices.length > 1 ? ', Tab: another' : ''
      return [span(` Limit of ${scope} (${provider}, ${now}, ${groupedNumber(usedTokens)} used${other}): ${text}_`)]
    }
  }
}
