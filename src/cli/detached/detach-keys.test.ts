import { expect, test } from 'vitest'
import { createDetachKeys } from './detach-keys.ts'

function typed(keys: string, ...pieces: readonly string[]): string {
  const watch = createDetachKeys(keys)
  return pieces
    .map((piece) => watch.push(Buffer.from(piece)))
    .map(({ pass, isDetached }) => `${pass}${isDetached ? '!' : ''}`)
    .join('|')
}

test.each([
  ['ctrl-p,ctrl-q', ['a\u0010\u0011b'], 'a!'],
  ['ctrl-p,ctrl-q', ['a\u0010', '\u0011'], 'a|!'],
  ['ctrl-p,ctrl-q', ['\u0010', 'x', '\u0010', '\u0010', 'y'], '|\u0010x||\u0010|\u0010y'],
  ['ctrl-p,ctrl-q', ['\u001b', '[A'], '\u001b|[A'],
  ['ctrl-p,ctrl-q', ['\u001b[112;5u', '\u001b[113;5u'], '|!'],
  ['ctrl-p,ctrl-q', ['\u001b[27;5;112~\u001b[113;5:1u'], '!'],
  ['ctrl-]', ['\u001d'], '!'],
  ['ctrl-a,d', ['\u0001', 'd'], '|!'],
  ['ctrl-a,d', ['\u0001', 'e'], '|\u0001e'],
  ['ctrl-p,ctrl-q', ['über\u00e9'], 'über\u00e9'],
])('with %s, what is typed as %j passes as %j', (keys, pieces, passed) => {
  expect(typed(keys, ...pieces)).toBe(passed)
})

test.each(['', 'ctrl-', 'f1', 'ctrl-p,', 'a,b,c,d,e'])('refuses %j', (keys) => {
  expect(() => createDetachKeys(keys)).toThrow(expect.objectContaining({ code: 'usage' }))
})
