import { expect, test } from 'vitest'
import { isColoured } from './colour.ts'

test.each([
  [{}, true, true],
  [{}, false, false],
  [{ TERM: 'dumb' }, true, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
])('with %j, in a terminal: %j, colours are %j', (env, isTerminal, expected) => {
  expect(isColoured(env, isTerminal)).toBe(expected)
})
