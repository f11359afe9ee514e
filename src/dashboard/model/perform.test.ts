import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bottle, busyDay, nowMs } from '../stage.fixture.ts'
import { bottleRows } from './bottles.ts'
import { intentOf, type Key } from './keys.ts'
import { perform } from './perform.ts'
import { reduce } from './reduce.ts'
import { keysOf, selectedKey } from './selection.ts'
import type { Effect, State } from './state.ts'

const named = [
  'up',
  'down',
  'left',
  'right',
  'page_up',
  'page_down',
  'home',
  'end',
  'enter',
  'escape',
  'tab',
  'back_tab',
  'backspace',
] as const

/** Single characters, or names of keys in <>. */
function press(
  state: State,
  ...keys: readonly string[]
): { readonly state: State; readonly effects: readonly Effect[] } {
  let step = { state, effects: [] as readonly Effect[] }
  for (const one of keys) {
    const name = named.find((known) => `<${known}>` === one)
    const key: Key = name ? { kind: 'key', name } : { kind: 'character', character: one }
    const intent = intentOf(step.state, key)
    step = intent ? perform(step.state, intent) : { ...step, effects: [] }
  }
  return step
}

const day = busyDay()
const ids = (state: State) => bottleRows(state).map(({ view }) => view.id)

describe('the list of bottles', () => {
  it('has those in trouble on top, and the rest newest first', () => {
    expect(ids(day)).toEqual(['spent-4d', 'web-0c11', 'quiet-9a', 'reviewer-77ab01', 'claude-3fa2c1'])
  })

  it('is sorted by the next column with s, the other way with S', () => {
    expect(ids(press(day, 's').state)).toEqual(['claude-3fa2c1', 'quiet-9a', 'reviewer-77ab01', 'spent-4d', 'web-0c11'])
    expect(ids(press(day, 's', 's').state).slice(0, 2)).toEqual(['claude-3fa2c1', 'web-0c11'])
    expect(ids(press(day, 's', 'S').state)[0]).toBe('web-0c11')
  })

  it('shows only trouble after v v, and only what matches every word of a search', () => {
    expect(ids(press(day, 'v', 'v').state)).toEqual(['spent-4d', 'web-0c11'])
    expect(ids(press(day, '/', ...'base we', '<enter>').state)).toEqual([])
    expect(ids(press(day, '/', ...'WEB', '<enter>').state)).toEqual(['web-0c11'])
    expect(ids(press(day, '/', ...'web', '<enter>', '<escape>').state)).toHaveLength(5)
    expect(ids(press(day, '/', 'q', '<backspace>', ...'quiet').state)).toEqual(['quiet-9a'])
  })

  it('keeps its selection on the bottle, wherever that moves', () => {
    const selected = press(day, '<down>', '<down>').state
    expect(selectedKey(selected, 'bottles')).toBe('quiet-9a')
    expect(selectedKey(press(selected, 's', 'S').state, 'bottles')).toBe('quiet-9a')
    expect(selectedKey(press(selected, '<end>').state, 'bottles')).toBe('claude-3fa2c1')
    expect(selectedKey(press(selected, '<page_up>').state, 'bottles')).toBe('spent-4d')
  })
})

describe('an action', () => {
  it('is for the selected bottle', () => {
    expect(press(day, '<down>', 'c').effects).toEqual([{ kind: 'act', action: 'cutoff', id: 'web-0c11' }])
    expect(press(day, 'r').effects).toEqual([{ kind: 'act', action: 'restore', id: 'spent-4d' }])
    expect(press(day, 'y').effects).toEqual([{ kind: 'copy', text: 'spent-4d' }])
  })

  it('is for the bottle that is looked at, and for that of the selected enforcement', () => {
    expect(press(day, '<down>', '<enter>', 'c').effects).toEqual([{ kind: 'act', action: 'cutoff', id: 'web-0c11' }])
    expect(press(day, '3', 'r').effects).toEqual([{ kind: 'act', action: 'restore', id: 'spent-4d' }])
  })

  it('that ends a program is asked about by name, and done for y alone', () => {
    for (const [key, action] of [
      ['x', 'kill'],
      ['f', 'freeze'],
    ] as const) {
      const asked = press(day, key)
      expect(asked).toMatchObject({ effects: [], state: { dialog: { kind: 'confirm', action, id: 'spent-4d' } } })
      expect(press(asked.state, 'y').effects).toEqual([{ kind: 'act', action, id: 'spent-4d' }])
      for (const other of ['n', 'x', 'c', '<enter>', '<escape>', '<down>'])
        expect(press(asked.state, other)).toMatchObject({ effects: [], state: { dialog: undefined } })
    }
  })

  it('that is confirmed is for the bottle that was asked about, even if another is selected by then', () => {
    const asked = press(day, 'x').state
    const gone = reduce(asked, { kind: 'bottles', bottles: [] }, nowMs).state
    expect(press(gone, 'y').effects).toEqual([{ kind: 'act', action: 'kill', id: 'spent-4d' }])
  })

  it('on a list without any bottle says so', () => {
    expect(press(day, '2', 'c')).toMatchObject({ effects: [], state: { notice: { text: 'No bottle is selected.' } } })
  })

  it('to resume says which command needs a terminal of its own', () => {
    const command = 'bot-bottle resume reviewer-77ab01'
    const { state, effects } = press(day, '/', ...'frozen', '<enter>', 'u')
    expect(effects).toEqual([{ kind: 'copy', text: command }])
    expect(state.notice?.text).toContain(command)
  })
})

it('resumes a bottle that was in the background there', () => {
  const frozen = bottle('far-1', { state: 'frozen', detached: true })
  const state = { ...day, bottles: new Map([['far-1', frozen]]) }
  expect(press(state, 'u').effects).toEqual([{ kind: 'resume', id: 'far-1' }])
})

describe('a new limit', () => {
  it('is for the budget that governs the bottle, or with Tab for the bottle’s own', () => {
    const typing = press(day, '<down>', 'b', ...'30000').state
    const raised = { kind: 'raise', limitTokens: 30_000 }
    expect(press(typing, '<enter>').effects).toMatchObject([
      { ...raised, choice: { scope: 'bottle:web', period: 'day' } },
    ])
    expect(press(typing, '<tab>', '<enter>').effects).toMatchObject([
      { ...raised, choice: { scope: 'run:web-0c11', provider: 'claude', period: 'total' } },
    ])
    expect(press(typing, '<tab>', '<tab>', '<enter>').effects).toMatchObject([{ choice: { scope: 'bottle:web' } }])
    expect(press(typing, '<escape>', '<enter>').effects).toMatchObject([{ kind: 'load_detail' }])
  })

  it('is for the selected one in the list of budgets', () => {
    expect(press(day, '2', '<down>', '<down>', 'b', '9', '<enter>').effects).toMatchObject([
      { kind: 'raise', limitTokens: 9, choice: { scope: 'run:spent-4d' } },
    ])
  })

  it('that is no number is refused with what would work, and can be mended', () => {
    const refused = press(day, 'b', ...'30k', '<enter>')
    expect(refused).toMatchObject({
      effects: [],
      state: { dialog: { text: '30k' }, notice: { tone: 'bad', text: expect.stringContaining('write 30000') } },
    })
    expect(press(refused.state, '<backspace>', ...'000', '<enter>').effects).toMatchObject([{ limitTokens: 30_000 }])
  })
})

it('looks at one bottle, turns through its lists, and goes back to where it was', () => {
  const looked = press(day, '<down>', '<enter>')
  expect(looked.effects).toEqual([{ kind: 'load_detail', id: 'web-0c11', section: 'exchanges' }])
  expect(press(looked.state, '<right>').effects).toEqual([{ kind: 'load_detail', id: 'web-0c11', section: 'routes' }])
  expect(press(looked.state, '<left>', '<right>').state.detail?.section).toBe('exchanges')
  expect(selectedKey(press(looked.state, '<escape>').state, 'bottles')).toBe('web-0c11')
})

it('is at rest again after help, whatever key ends it', () => {
  const helping = press(day, '?').state
  expect(helping.isHelping).toBe(true)
  expect(press(helping, 'x')).toEqual({ state: day, effects: [] })
})

it('kills, freezes or cuts nothing by any keys without c, f or x, and always has a selection while there is a list', () => {
  const anyKey = fc.constantFrom(...named.map((name) => `<${name}>`), ...'123jkgGhlsSv/ry?bu0'.split(''))
  fc.assert(
    fc.property(fc.array(anyKey, { maxLength: 40 }), (keys) => {
      let state = day
      for (const key of keys) {
        const step = press(state, key)
        state = step.state
        const acts = step.effects.filter(({ kind }) => kind === 'act')
        expect(acts.every((effect) => effect.kind === 'act' && effect.action === 'restore')).toBe(true)
        for (const screen of ['bottles', 'budgets', 'audit'] as const)
          expect(selectedKey(state, screen) !== undefined).toBe(keysOf(state, screen).length > 0)
      }
    }),
  )
})
