import { expect, test } from 'vitest'
import { asciiOf, isUtf8 } from './ascii.ts'

test('what we draw with is plain ASCII of the same width; names stay as they are', () => {
  const line = '1\u202f234  █▉▋▏▒░ · – a-long-na…  日本 é'
  expect(asciiOf(line)).toBe('1 234  ###-+. . - a-long-na~  日本 é')
})

test.each([
  [{ LANG: 'de_DE.UTF-8' }, true],
  [{ LANG: 'C.utf8' }, true],
  [{ LC_CTYPE: 'en_US.UTF-8', LANG: 'C' }, true],
  [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, false],
  [{ LC_ALL: '', LANG: 'en_US.UTF-8' }, true],
  [{ LANG: 'de_DE.ISO-8859-1' }, false],
  [{}, false],
])('a locale %j shows UTF-8: %s', (env, expected) => {
  expect(isUtf8(env)).toBe(expected)
})
