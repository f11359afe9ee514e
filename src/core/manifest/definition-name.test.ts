import fc from 'fast-check'
import { expect, test } from 'vitest'
import { definitionNameFault, isDefinitionName } from './definition-name.ts'

test.each(['a', '0', 'web', 'web-2', 'my_bottle', 'a'.repeat(48)])('%s is a name', (name) => {
  expect(isDefinitionName(name)).toBe(true)
  expect(definitionNameFault(name)).toBeUndefined()
})

test.each([
  ['Web', 'write web'],
  ['my bottle', 'write my-bottle'],
  ['web.md', 'write web'],
  ['.hidden', 'write hidden'],
  ['-x', 'write x'],
  ['a:b', 'write a-b'],
  ['a'.repeat(49), 'at most 48 characters'],
  ['', 'begins with a letter or a digit'],
  ['..', 'begins with a letter or a digit'],
])('"%s" is none, and it says what would be', (name, expected) => {
  expect(isDefinitionName(name)).toBe(false)
  expect(definitionNameFault(name)).toContain(expected)
})

test('what is proposed is a name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const proposed = /; write (.+)$/.exec(definitionNameFault(text) ?? '')?.[1]
      if (proposed !== undefined) expect(isDefinitionName(proposed)).toBe(true)
    }),
  )
})
