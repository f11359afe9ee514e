/** Which key means what. Pure: the same key in the same place is always the same intent. */
import type { Screen, State } from './state.ts'

/** As a terminal tells it: a character, or the name of a key. */
export type Key =
  | { readonly kind: 'character'; readonly character: string }
  | {
      readonly kind: 'key'
      readonly name:
        | ('up' | 'down' | 'left' | 'right' | 'page_up' | 'page_down' | 'home' | 'end')
        | ('enter' | 'escape' | 'tab' | 'back_tab' | 'backspace' | 'interrupt')
    }

export type Intent =
  | { readonly kind: 'quit' | 'help' | 'open' | 'back' | 'copy' | 'confirm' | 'cancel' | 'erase' | 'choose_next' }
  | { readonly kind: 'show'; readonly screen: Screen }
  | { readonly kind: 'turn' | 'section'; readonly by: 1 | -1 }
  | { readonly kind: 'move'; readonly by: 'row' | 'page' | 'all'; readonly direction: 1 | -1 }
  | { readonly kind: 'sort' | 'reverse' | 'filter' | 'search' }
  | { readonly kind: 'cutoff' | 'restore' | 'freeze' | 'resume' | 'kill' | 'raise' }
  | { readonly kind: 'type'; readonly text: string }

const named: Readonly<Record<Extract<Key, { kind: 'key' }>['name'], Intent | undefined>> = {
  up: { kind: 'move', by: 'row', direction: -1 },
  down: { kind: 'move', by: 'row', direction: 1 },
  page_up: { kind: 'move', by: 'page', direction: -1 },
  page_down: { kind: 'move', by: 'page', direction: 1 },
  home: { kind: 'move', by: 'all', direction: -1 },
  end: { kind: 'move', by: 'all', direction: 1 },
  left: { kind: 'section', by: -1 },
  right: { kind: 'section', by: 1 },
  enter: { kind: 'open' },
  escape: { kind: 'back' },
  tab: { kind: 'turn', by: 1 },
  back_tab: { kind: 'turn', by: -1 },
  backspace: { kind: 'back' },
  interrupt: { kind: 'quit' },
}

const characters: Readonly<Record<string, Intent>> = {
  q: { kind: 'quit' },
  '?': { kind: 'help' },
  1: { kind: 'show', screen: 'bottles' },
  2: { kind: 'show', screen: 'budgets' },
  3: { kind: 'show', screen: 'audit' },
  j: { kind: 'move', by: 'row', direction: 1 },
  k: { kind: 'move', by: 'row', direction: -1 },
  g: { kind: 'move', by: 'all', direction: -1 },
  G: { kind: 'move', by: 'all', direction: 1 },
  h: { kind: 'section', by: -1 },
  l: { kind: 'section', by: 1 },
  s: { kind: 'sort' },
  S: { kind: 'reverse' },
  v: { kind: 'filter' },
  '/': { kind: 'search' },
  c: { kind: 'cutoff' },
  r: { kind: 'restore' },
  f: { kind: 'freeze' },
  u: { kind: 'resume' },
  x: { kind: 'kill' },
  b: { kind: 'raise' },
  y: { kind: 'copy' },
}

export function intentOf({ dialog }: Pick<State, 'dialog'>, key: Key): Intent | undefined {
  if (key.kind === 'key' && key.name === 'interrupt') return { kind: 'quit' }
  switch (dialog?.kind) {
    case undefined:
      return key.kind === 'key'
        ? named[key.name]
        : Object.hasOwn(characters, key.character)
          ? characters[key.character]
          : undefined
    case 'confirm':
      // Enter is too near to what one did before: only its own letter confirms.
      if (key.kind === 'character' && key.character.toLowerCase() === 'y') return { kind: 'confirm' }
      return { kind: 'cancel' }
    case 'search':
    case 'raise':
      if (key.kind === 'character') return { kind: 'type', text: key.character }
      if (key.name === 'enter') return { kind: 'confirm' }
      if (key.name === 'escape') return { kind: 'cancel' }
      if (key.name === 'backspace') return { kind: 'erase' }
      return key.name === 'tab' && dialog.kind === 'raise' ? { kind: 'choose_next' } : undefined
  }
}
