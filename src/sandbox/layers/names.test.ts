import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeName, encodeName } from './names.ts'

it('keeps every name byte for byte, and gives different ones different strings', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((array) => Buffer.from(array))
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      expect(encodeName(decodeName(one))).toEqual(one)
      expect(decodeName(one) === decodeName(other)).toBe(one.equals(other))
    }),
  )
})

it('shows text as it is', () => {
  expect(decodeName(Buffer.from('naïve 文'))).toBe('naïve 文')
  expect(decodeName(Buffer.from([0x61, 0xff]))).toBe('a\udcff')
})
