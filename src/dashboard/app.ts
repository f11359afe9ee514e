/** The screen for Ink: one text, a line a row. What it shows is decided in `screens/`, what keys do in `model/`. */
import { Box, type Key as InkKey, Text, Transform, useInput, usePaste, useWindowSize } from 'ink'
import { createElement as h, useEffect, useSyncExternalStore } from 'react'
import { intentOf, type Key } from './model/keys.ts'
import { frame, pageRows } from './screens/frame.ts'
import type { Store } from './store.ts'
import { type Drawing, paint } from './text/line.ts'

export interface AppProps {
  readonly store: Store
  readonly drawing: Drawing
}

export function App({ store, drawing }: AppProps) {
  const state = useSyncExternalStore(store.subscribe, () => store.state)
  const { columns, rows } = useWindowSize()
  useEffect(() => store.tell({ kind: 'resized', rows: pageRows(rows) }), [store, rows])
  useInput((input, key) => {
    for (const one of keysOf(input, key)) {
      const intent = intentOf(store.state, one)
      if (intent) store.intend(intent)
    }
  })
  // A paste means what a dialog asks for, and never a row of keys that act.
  usePaste((text) => {
    if (store.state.dialog?.kind !== 'confirm') store.intend({ kind: 'type', text: text.trim() })
  })
  const lines = frame(state, { columns, rows }).map((line) => paint(line, drawing))
  // Lines are as wide as they are: Ink's own measuring and wrapping of each would cost more than all else that is done for a frame.
  const place = Array<string>(rows).fill(' ').join('\n')
  return h(
    Box,
    { width: columns, height: rows },
    h(Transform, { transform: (_, row) => lines[row] ?? '' }, h(Text, null, place)),
  )
}

const names = {
  upArrow: 'up',
  downArrow: 'down',
  leftArrow: 'left',
  rightArrow: 'right',
  pageUp: 'page_up',
  pageDown: 'page_down',
  home: 'home',
  end: 'end',
  return: 'enter',
  escape: 'escape',
  backspace: 'backspace',
  delete: 'backspace',
} as const

const controls: Readonly<Record<string, Key>> = {
  '\r': { kind: 'key', name: 'enter' },
  '\n': { kind: 'key', name: 'enter' },
  '\t': { kind: 'key', name: 'tab' },
  '\u007f': { kind: 'key', name: 'backspace' },
  '\b': { kind: 'key', name: 'backspace' },
  '\u001b': { kind: 'key', name: 'escape' },
  '\u0003': { kind: 'key', name: 'interrupt' },
}

/** Fast typing comes as one text, with the keys that are characters as well. */
function keysOf(input: string, key: InkKey): readonly Key[] {
  if (key.ctrl) return input === 'c' ? [{ kind: 'key', name: 'interrupt' }] : []
  if (key.tab) return [{ kind: 'key', name: key.shift ? 'back_tab' : 'tab' }]
  for (const [flag, name] of Object.entries(names)) if (key[flag as keyof typeof names]) return [{ kind: 'key', name }]
  return key.meta ? [] : Array.from(input, (character) => controls[character] ?? { kind: 'character', character })
}
