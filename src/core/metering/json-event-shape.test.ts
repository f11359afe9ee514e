import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxCapturedBytes } from './json-captures.ts'
import { EventShape, maxShapeBytes, viewOf } from './json-event-shape.ts'
import { compileJsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'

const captured = ['type', 'usage', 'list[].d']
const paths = compileJsonPaths({ capture: captured, measure: ['text', 'list[].text'], seal: ['sealed'] })

const seen = (scanner: JsonScanner) => ({
  values: captured.map((path) => scanner.value(path)),
  unreadable: captured.map((path) => scanner.isUnreadable(path)),
  spans: captured.map((path) => scanner.spanOf(path)),
  captureCount: scanner.captureCount,
  state: scanner.state,
  isObject: scanner.isObject,
})

/** One byte at a time, by a scanner that knows of nothing before. */
function readAlone(document: Buffer): JsonScanner {
  const scanner = new JsonScanner(paths)
  for (let at = 0; at < document.length; at++) scanner.feed(document.subarray(at, at + 1))
  return scanner
}

/** Reads events that all stand in one chunk; tells how many were of the shape of one before. */
function compare(events: readonly { readonly framing: string; readonly document: string }[]): number {
  const scanner = new JsonScanner(paths, { shape: new EventShape() })
  const chunk = Buffer.from(events.map(({ framing, document }) => `${framing}${document}\n\n`).join(''))
  const viewed = viewOf(chunk)
  const sum = { asciiBytes: 0, otherBytes: 0, sealedBytes: 0 }
  let alikeCount = 0
  let start = 0
  for (const { framing, document } of events) {
    const alone = readAlone(Buffer.from(document))
    const documentStart = start + Buffer.byteLength(framing)
    const documentEnd = documentStart + Buffer.byteLength(document)
    const end = scanner.readAlike(viewed, start)
    if (end >= 0) expect(end).toBe(documentEnd + 2)
    else scanner.feed(chunk, documentStart, documentEnd)
    alikeCount += end >= 0 ? 1 : 0
    expect(seen(scanner)).toEqual(seen(alone))
    for (const kind of Object.keys(sum) as (keyof typeof sum)[]) sum[kind] += alone.textBytes[kind]
    expect(scanner.textBytes).toEqual(sum)
    if (end < 0) scanner.remember(chunk, start, documentEnd + 2)
    scanner.reset()
    start = documentEnd + 2
  }
  return alikeCount
}

const framed = (document: string) => ({ framing: 'data: ', document })
const delta = (text: string, rest = '') => framed(`{"type":"delta","n":1,"text":${text}${rest}}`)

describe('an event of the shape of the one before', () => {
  test.each([
    ['another text', [delta('"a"'), delta('"bc"')], 1],
    ['texts with escapes', [delta('"a"'), delta('"\\n\\u00e9\\ud83c\\udf7e\\"\\\\"'), delta('"é第🍾"')], 2],
    ['an empty text', [delta('""'), delta('""')], 1],
    ['long texts', [delta('"a"'), delta(JSON.stringify('The quick "brown" fox\n'.repeat(50)))], 1],
    [
      'a number that varies, once it was seen to',
      [1, 2, 3, 4, 5, 6, 77, 888].map((n) => framed(`{"n":${n},"text":"x"}`)),
      3,
    ],
    [
      'a captured value that varies',
      ['1', '{"a":[2]}', '{"a":[3],"b":"]"}', 'null'].map((usage) => delta('"x"', `,"usage":${usage}`)),
      1,
    ],
    [
      'a captured value that was too big once, and is again',
      ['u'.repeat(maxCapturedBytes), 'u', 'u'.repeat(maxCapturedBytes)].map((usage) =>
        delta('"x"', `,"usage":"${usage}"`),
      ),
      1,
    ],
    ['sealed text', [framed('{"sealed":"QQ=="}'), framed('{"sealed":"QUJD"}')], 1],
    ['a list', [framed('{"list":[{"d":1,"text":"a"},{"d":2}]}'), framed('{"list":[{"d":3,"text":"bb"},{"d":44}]}')], 1],
  ])('is read without its structure: %s', (_, events, alikeCount) => {
    expect(compare(events)).toBe(alikeCount)
  })

  test.each([
    ['other framing', [delta('"a"'), { ...delta('"a"'), framing: 'data:  ' }]],
    ['another key', [delta('"a"'), framed('{"type":"delta","n":1,"usage":"a"}')]],
    ['another kind of value', [delta('"a"'), delta('null'), delta('{"x":"y"}')]],
    ['a key more', [delta('"a"'), delta('"a"', ',"usage":{"a":1}')]],
    ['a text that goes on in no string', [delta('"a"'), framed('{"type":"delta","n":1,"text":"a'), framed('"}')]],
    ['a control character', [delta('"a"'), delta('"\n"'), delta('"\u0000"')]],
    ['no text', [framed('{"type":"ping"}'), framed('{"type":"ping"}')]],
    ['what is no object', [framed('[DONE]'), framed('[DONE]')]],
    ['what is no JSON', [framed('{"text":"a",}'), framed('{"text":"a",}')]],
    [
      'more than is held',
      [delta('"a"', `,"x${'y'.repeat(maxShapeBytes)}":1`), delta('"a"', `,"x${'y'.repeat(maxShapeBytes)}":1`)],
    ],
    ['more values than are held', [0, 1].map(() => delta('"a"', ',"x":1'.repeat(40)))],
  ])('is not what differs in more than its values: %s', (_, events) => {
    expect(compare(events)).toBe(0)
  })

  test('is read as it would be by itself, whatever it holds', () => {
    const text = fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'grapheme' }).map((value) => JSON.stringify(value)) },
      fc.constantFrom('"\\u00e9\\ud83d"', '"a\\"b"', '""', '"', '"\\', 'null', '{"x":["y}"]}', '"\t"', '[]'),
    )
    const other = fc.oneof(
      { weight: 4, arbitrary: fc.nat().map(String) },
      fc.json({ maxDepth: 2 }),
      fc.constantFrom('"', '01', '-', 'tru', '[', `{'a':'"'}`),
    )
    const kinds = [
      (text: string, other: string) => `{"type":"delta","x":${other},"text":${text}}`,
      (text: string, other: string) => `{"text":${text},"usage":${other},"sealed":"QQ"}`,
      (text: string, other: string) => `{ "list" : [ {"d":${other},"text":${text}}, {"d":1} ], "x":[${other}] }`,
      (text: string, other: string) => `{"type":"delta","x":1,"text":${text}}`.slice(0, other.length * 3),
    ]
    const eventsOf = (kinds: readonly ((text: string, other: string) => string)[]) =>
      fc.array(
        fc.record({
          framing: fc.constantFrom('data: ', 'data: ', 'data: ', 'event: x\ndata: '),
          document: fc.tuple(fc.constantFrom(...kinds), text, other).map(([kind, ...values]) => kind(...values)),
        }),
        { maxLength: 14 },
      )
    const events = fc.oneof(eventsOf(kinds), ...kinds.map((kind) => eventsOf([kind])))
    let alikeCount = 0
    fc.assert(
      fc.property(events, (events) => {
        alikeCount += compare(events)
      }),
      { numRuns: 1_500 },
    )
    expect(alikeCount).toBeGreaterThan(500)
  })
})
