import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteSizeInWords, parseByteSize } from './byte-size.ts'

test.each([
  ['64KiB', 65_536],
  ['512MiB', 536_870_912],
  ['2GiB', 2_147_483_648],
  ['1TiB', 1_099_511_627_776],
])('%s is %i bytes', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes)
})

test.each(['2GB', '2G', '2', '1.5GiB', '0MiB', '-1MiB', '02MiB', '2 GiB', '2gib', ''])('%j is no size', (text) => {
  expect(parseByteSize(text)).toBeUndefined()
})

test('what is said can be read, for every whole size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999 }), fc.constantFrom('KiB', 'MiB', 'GiB'), (count, unit) => {
      const bytes = parseByteSize(`${count}${unit}`) ?? 0
      expect(parseByteSize(byteSizeInWords(bytes))).toBe(bytes)
    }),
  )
})

test.each([
  [1_500, '1.5KiB'],
  [12, '12 bytes'],
  [3 * 2 ** 30 + 2 ** 29, '3584MiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(byteSizeInWords(bytes)).toBe(text)
})
