import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxCapturedBytes } from './json-captures.ts'
import { compileJsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'

const maxStateBytes = 64 * 1024
const paths = compileJsonPaths({
  capture: ['a', 'b.c', 'list[].d', 'é'],
  measure: ['text', 'b.text', 'list[].text'],
  seal: ['sealed'],
})

function scan(text: string | Uint8Array, chunkBytes = 1_000_000, isStrict = false): JsonScanner {
  const bytes = Buffer.from(text as string)
  const scanner = new JsonScanner(paths, { isStrict })
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.feed(bytes.subarray(at, at + chunkBytes))
  return scanner
}

const found = (scanner: JsonScanner) => ['a', 'b.c', 'list[].d', 'é'].map((path) => scanner.value(path))

describe('captures', () => {
  test.each([
    [
      'values of every kind',
      '{"a":{"x":[1,"}"]},"b":{"c":true},"é":-1.5e3}',
      [{ x: [1, '}'] }, true, undefined, -1500],
    ],
    ['with white space', ' {\n "a" :\t1 , "b" : { "c" : "x" } }\r\n', [1, 'x', undefined, undefined]],
    ['escaped keys', '{"\\u0061":1,"b":{"\\u0063":2},"\\u00e9":3}', [1, 2, undefined, 3]],
    ['the last of equal keys', '{"a":1,"a":2}', [2, undefined, undefined, undefined]],
    ['elements of a list, the last one kept', '{"list":[{"d":1},[],{"d":2},{}]}', [undefined, undefined, 2, undefined]],
    ['no null', '{"a":null}', [undefined, undefined, undefined, undefined]],
    ['nothing at other depths', '{"x":{"a":1,"b":{"c":1}},"b":{"a":1,"b":{"c":1}}}', Array(4).fill(undefined)],
    [
      'nothing inside strings',
      '{"x":"\\",\\"a\\":1","y":"\\\\","z":"{\\"b\\":{\\"c\\":1}}"}',
      Array(4).fill(undefined),
    ],
    ['nothing behind a path that is no object', '{"b":"c","list":{"d":1}}', Array(4).fill(undefined)],
    ['strings with escapes', '{"a":"\\"\\\\\\n第"}', ['"\\\n第', undefined, undefined, undefined]],
  ])('%s', (_, text, expected) => {
    for (const chunkBytes of [1, 2, 3, 7, 64, 1000]) {
      const scanner = scan(text, chunkBytes)
      expect(found(scanner)).toEqual(expected)
      expect(scanner.state).toBe('closed')
    }
  })

  test('agrees with JSON.parse on any document at any split', () => {
    const keys = fc.constantFrom('a', 'b', 'c', 'list', 'd', 'é', 'text', 'x"\\', '')
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.integer(),
        fc.boolean(),
        tie('object'),
        tie('array'),
      ),
      object: fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
      array: fc.array(tie('value'), { maxLength: 4 }),
    }))
    fc.assert(
      fc.property(tree.object, fc.integer({ min: 1, max: 50 }), (document, chunkBytes) => {
        const { a, b, é } = document as Record<string, unknown>
        const scanner = scan(JSON.stringify(document), chunkBytes)
        expect(scanner.value('a')).toEqual(a)
        expect(scanner.value('é')).toEqual(é)
        expect(scanner.value('b.c')).toEqual(Object.getOwnPropertyDescriptor(Object(b), 'c')?.value)
        expect(scanner.state).toBe('closed')
      }),
      { numRuns: 300 },
    )
  })

  test.each(['{"a":1]', '{"a":1 2', '{a:1}', '{"a":1,}', '{"a" 1}', '{,}', '{"a":1}}', ']', '"', '{"b":[}'])(
    'ends quietly on what is no JSON: %s',
    (text) => {
      const scanner = scan(`${text}{"b":{"c":1}}`, 3)
      expect(scanner.value('b.c')).toBeUndefined()
      expect(scanner.state).not.toBe('closed')
    },
  )

  test.each([
    `{"x":{'k':'"'},"b":{"c":1},"y":{'k':'"'}}`,
    '{"x":[/*"*/],"b":{"c":1},"y":[/*"*/]}',
    '{"x":[#"\n],"b":{"c":1},"y":[#"\n]}',
    `{"x":1'"',"b":{"c":1},"y":1'"'}`,
    '{"x":[\0],"b":{"c":1}}',
    '{"A":1,"b":{"c":1}}',
    '{"B":1,"b":{"c":1}}',
    '{"\\u0042":1,"b":{"c":1}}',
    '{"List":[],"b":{"c":1}}',
    '{"li\u017ft":[],"b":{"c":1}}',
    '{"li\\u017ft":[],"b":{"c":1}}',
    '{"\u00c9":[],"b":{"c":1}}',
    '{"list":[{"D":1}],"b":{"c":1}}',
  ])('is hidden from by no spelling that only some servers read, in what is skipped either (I3): %s', (text) => {
    for (const chunkBytes of [1, 3, 1000]) {
      const scanner = scan(text, chunkBytes, true)
      expect(scanner.state).toBe('malformed')
      expect(scanner.value('b.c')).toBeUndefined()
    }
  })

  test('keeps what it found before the document broke', () => {
    expect(found(scan('{"a":7,"b":{"c":8},!'))).toEqual([7, 8, undefined, undefined])
  })
})

test('counts text by class of bytes, escapes decoded, at any split', () => {
  const text = 'ab"\\\n é — 第 \u0001'
  const escaped = JSON.stringify(text).replace('—', '\\u2014').replace('é', '\\u00E9')
  for (const chunkBytes of [1, 2, 3, 7, 64]) {
    const { textBytes } = scan(
      `{"text":${escaped},"b":{"text":"xyz"},"other":"no","list":[{"text":"q"},{"text":"r"}]}`,
      chunkBytes,
    )
    expect(textBytes).toEqual({ asciiBytes: 10 + 3 + 2, otherBytes: 2 + 3 + 3, sealedBytes: 0 })
  }
})

test('counts sealed text apart, at any split', () => {
  for (const chunkBytes of [1, 2, 3, 7, 64]) {
    const { textBytes } = scan('{"text":"abc","sealed":"QUJDQUJD","other":"no","list":[{"sealed":"QUJD"}]}', chunkBytes)
    expect(textBytes).toEqual({ asciiBytes: 3, otherBytes: 0, sealedBytes: 8 })
  }
})

describe('memory', () => {
  test.each([
    ['a long string', '{"x":"'],
    ['a long captured string', '{"a":"'],
    ['a long key', '{"'],
    ['a long escaped key', '{"\\u0061'],
    ['a deep document', '{"x":'],
    ['a deep captured document', '{"a":['],
    ['a deep list on a path', '{"list":['],
  ])('is bounded by 64 KiB in %s', (_, opening) => {
    const scanner = new JsonScanner(paths)
    scanner.feed(Buffer.from(opening))
    const filler = Buffer.alloc(10_000, opening.endsWith('[') || opening.endsWith(':') ? '[' : 'x')
    for (let time = 0; time < 100; time++) scanner.feed(filler)
    expect(scanner.heldBytes).toBeLessThanOrEqual(maxStateBytes)
    expect(scanner.value('a')).toBeUndefined()
  })

  test('a value at the ceiling is kept, one beyond it is told as unreadable', () => {
    const atCeiling = 'x'.repeat(maxCapturedBytes - 2)
    expect(scan(`{"a":"${atCeiling}"}`, 999).value('a')).toBe(atCeiling)
    const beyond = scan(`{"a":"${atCeiling}x","b":{"c":1}}`, 999)
    expect([beyond.value('a'), beyond.isUnreadable('a'), beyond.value('b.c')]).toEqual([undefined, true, 1])
  })
})
