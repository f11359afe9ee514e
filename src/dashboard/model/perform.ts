/** What an intent of the operator makes of the state, and what is to be done. Pure. */
import { parseLimitTokens } from '../../core/budget/limit.ts'
import { type Section, sections } from './detail.ts'
import type { Intent } from './keys.ts'
import { raiseChoices } from './raise.ts'
import { chosenBottle, keysOf, withMoved } from './selection.ts'
import { type Dialog, type Effect, filters, type Notice, type State, type Step, screens, sortings } from './state.ts'

/** Longer than any limit, and than any search that makes sense. */
const maxTypedCharacters = 60

export function perform(state: State, intent: Intent): Step {
  if (intent.kind === 'quit') return { state, effects: [{ kind: 'quit' }] }
  if (state.isHelping) return become({ ...state, isHelping: false })
  if (state.dialog) return inDialog(state, state.dialog, intent)
  switch (intent.kind) {
    case 'help':
      return become({ ...state, isHelping: true })
    case 'show':
      return become({ ...state, screen: intent.screen, detail: undefined })
    case 'turn':
      return become({ ...state, screen: neighbour(screens, state.screen, intent.by), detail: undefined })
    case 'back':
      return become(state.detail ? { ...state, detail: undefined } : { ...state, search: '', notice: undefined })
    case 'open':
      return open(state)
    case 'section':
      return state.detail
        ? look(state, state.detail.id, neighbour(sections, state.detail.section, intent.by))
        : become(state)
    case 'move':
      return become(moved(state, intent))
    case 'sort':
      return become({ ...state, sorting: neighbour(sortings, state.sorting, 1), isReversed: false })
    case 'reverse':
      return become({ ...state, isReversed: !state.isReversed })
    case 'filter':
      return become({ ...state, filter: neighbour(filters, state.filter, 1) })
    case 'search':
      return become({ ...state, screen: 'bottles', detail: undefined, dialog: { kind: 'search', text: state.search } })
    case 'raise': {
      const choices = raiseChoices(state)
      if (choices.length === 0) return tell(state, 'There is no budget here to raise.', 'warn')
      return become({ ...state, dialog: { kind: 'raise', choices, chosen: 0, text: '' } })
    }
    case 'cutoff':
    case 'restore':
    case 'freeze':
    case 'resume':
    case 'kill':
    case 'copy':
      return onBottle(state, intent.kind)
    default:
      return become(state)
  }
}

function become(state: State, ...effects: readonly Effect[]): Step {
  return { state, effects }
}

function tell(state: State, text: string, tone: Notice['tone'], ...effects: readonly Effect[]): Step {
  return become({ ...state, notice: { text, tone, atMs: state.nowMs } }, ...effects)
}

function open(state: State): Step {
  const id = chosenBottle(state)
  return id === undefined ? become(state) : look(state, id, state.detail?.section ?? 'exchanges')
}

function look(state: State, id: string, section: Section): Step {
  const detail = state.detail?.id === id ? { ...state.detail, section, offset: 0 } : { id, section, offset: 0 }
  return become({ ...state, detail }, { kind: 'load_detail', id, section })
}

function moved(state: State, { by, direction }: Extract<Intent, { kind: 'move' }>): State {
  const rows = by === 'row' ? 1 : by === 'page' ? Math.max(1, state.pageRows - 1) : Number.MAX_SAFE_INTEGER
  if (!state.detail)
    return withMoved(state, state.screen, direction * Math.min(rows, keysOf(state, state.screen).length))
  const { detail } = state
  return { ...state, detail: { ...detail, offset: Math.max(0, detail.offset + direction * rows) } }
}

function onBottle(state: State, action: 'cutoff' | 'restore' | 'freeze' | 'resume' | 'kill' | 'copy'): Step {
  const id = chosenBottle(state)
  if (id === undefined) return tell(state, 'No bottle is selected.', 'warn')
  switch (action) {
    case 'copy':
      return tell(state, `Copied ${id}, if the terminal takes it.`, 'plain', { kind: 'copy', text: id })
    case 'resume': {
      if (state.bottles.get(id)?.detached) return tell(state, `Resuming ${id} …`, 'plain', { kind: 'resume', id })
      const command = `bot-bottle resume ${id}`
      return tell(state, `It needs a terminal of its own: ${command} (copied)`, 'plain', {
        kind: 'copy',
        text: command,
      })
    }
    case 'kill':
    case 'freeze':
      return become({ ...state, dialog: { kind: 'confirm', action, id } })
    default:
      return tell(state, `${doing[action]} ${id} …`, 'plain', { kind: 'act', action, id })
  }
}

const doing = { cutoff: 'Cutting off', restore: 'Restoring', freeze: 'Freezing', kill: 'Killing' } as const

function inDialog(state: State, dialog: Dialog, intent: Intent): Step {
  const closed = { ...state, dialog: undefined }
  if (intent.kind === 'cancel') return become(dialog.kind === 'search' ? { ...closed, search: '' } : closed)
  switch (dialog.kind) {
    case 'confirm':
      if (intent.kind !== 'confirm') return become(closed)
      return tell(closed, `${doing[dialog.action]} ${dialog.id} …`, 'plain', {
        kind: 'act',
        action: dialog.action,
        id: dialog.id,
      })
    case 'search': {
      if (intent.kind === 'confirm') return become(closed)
      const text = typed(dialog.text, intent)
      return become({ ...state, search: text, dialog: { ...dialog, text } })
    }
    case 'raise': {
      if (intent.kind === 'confirm') return raise(closed, dialog)
      if (intent.kind === 'choose_next')
        return become({ ...state, dialog: { ...dialog, chosen: (dialog.chosen + 1) % dialog.choices.length } })
      return become({ ...state, dialog: { ...dialog, text: typed(dialog.text, intent) } })
    }
  }
}

function raise(closed: State, dialog: Extract<Dialog, { kind: 'raise' }>): Step {
  const limit = parseLimitTokens(dialog.text)
  const choice = dialog.choices[dialog.chosen]
  if (limit.kind === 'invalid' || !choice) {
    const why = limit.kind === 'invalid' ? limit.why : 'there is none'
    return tell({ ...closed, dialog }, `No budget: ${why}.`, 'bad')
  }
  const { limitTokens } = limit
  return tell(closed, `Setting the budget of ${choice.scope} …`, 'plain', { kind: 'raise', choice, limitTokens })
}

function typed(text: string, intent: Intent): string {
  if (intent.kind === 'erase') return text.slice(0, -1)
  return intent.kind === 'type' ? `${text}${intent.text}`.slice(0, maxTypedCharacters) : text
}

function neighbour<One>(all: readonly One[], one: One, by: 1 | -1): One {
  return all.at((all.indexOf(one) + by) % all.length) ?? one
}
