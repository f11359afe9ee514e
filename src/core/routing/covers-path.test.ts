import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coversPath } from './covers-path.ts'
import { matchesPath } from './path-pattern.ts'

test.each([
  ['/**', '/a', true],
  ['/**', '/', true],
  ['/a/**', '/a/b/**', true],
  ['/a/**', '/a', false],
  ['/a/*', '/a/b', true],
  ['/a/*', '/a/*', true],
  ['/a/*', '/a/x*y', true],
  ['/a/x*', '/a/*', false],
  ['/a/*', '/a/**', false],
  ['/a/b', '/a/*', false],
  ['/a/b', '/a/b', true],
])('%s covers %s: %s', (wide, narrow, expected) => {
  expect(coversPath(wide, narrow)).toBe(expected)
})

test('what the covered pattern matches, the covering one matches too', () => {
  const segment = fc.constantFrom('a', 'ab', 'b', '*', 'a*', '*b', 'a*b')
  const pattern = fc
    .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/**'))
    .map(([segments, rest]) => `/${segments.join('/')}${rest}`)
    .filter((written) => !written.startsWith('//'))
  const path = fc
    .array(fc.constantFrom('a', 'ab', 'b', 'aab', 'abb', 'axb'), { maxLength: 4 })
    .map((segments) => `/${segments.join('/')}`)
  fc.assert(
    fc.property(pattern, pattern, path, (wide, narrow, one) => {
      if (coversPath(wide, narrow) && matchesPath(narrow, one)) expect(matchesPath(wide, one)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})
