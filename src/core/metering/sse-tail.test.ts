import { expect, test } from 'vitest'
import { maxEventNameBytes, SseTail } from './sse-tail.ts'

interface SeenEvent {
  readonly name: string | undefined
  readonly data: string
}

function split(bytes: Buffer, chunkBytes: number): readonly SeenEvent[] {
  const events: SeenEvent[] = []
  let pieces: Buffer[] = []
  const tail: SseTail = new SseTail({
    data: (chunk, start, end) => pieces.push(Buffer.from(chunk.subarray(start, end))),
    eventEnd: () => {
      events.push({ name: tail.eventName, data: Buffer.concat(pieces).toString() })
      pieces = []
    },
  })
  for (let at = 0; at < bytes.length; at += chunkBytes) tail.feed(new Uint8Array(bytes.subarray(at, at + chunkBytes)))
  tail.end()
  tail.end()
  return events
}

const cases: readonly (readonly [string, string, readonly SeenEvent[]])[] = [
  [
    'LF',
    'event: a\ndata: 1\n\ndata: 2\n\n',
    [
      { name: 'a', data: '1' },
      { name: undefined, data: '2' },
    ],
  ],
  [
    'CR',
    'event: a\rdata: 1\r\rdata: 2\r\r',
    [
      { name: 'a', data: '1' },
      { name: undefined, data: '2' },
    ],
  ],
  [
    'CRLF',
    'event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n',
    [
      { name: 'a', data: '1' },
      { name: undefined, data: '2' },
    ],
  ],
  ['a BOM', '\uFEFFdata: 1\n\n', [{ name: undefined, data: '1' }]],
  ['a BOM in the middle, which is no BOM', 'data: 1\n\n\uFEFFdata: 2\n\n', [{ name: undefined, data: '1' }]],
  ['comments and other fields', ': ping\nid: 3\nretry: 10\ndatum: x\ndata: 1\n:\n\n', [{ name: undefined, data: '1' }]],
  ['several data lines', 'data: 1\ndata:2\ndata:  3\n\n', [{ name: undefined, data: '1\n2\n 3' }]],
  ['no space after the colon', 'event:a\ndata:1\n\n', [{ name: 'a', data: '1' }]],
  [
    'no final blank line',
    'data: 1\n\nevent: b\ndata: 2',
    [
      { name: undefined, data: '1' },
      { name: 'b', data: '2' },
    ],
  ],
  ['an event without data, which is none', 'event: a\n\ndata: 1\n\n', [{ name: undefined, data: '1' }]],
  ['characters of several bytes', 'event: é\ndata: 第二行 🍾\n\n', [{ name: 'é', data: '第二行 🍾' }]],
  ['blank lines in a row', '\n\n\r\n\rdata: 1\n\n\n\n', [{ name: undefined, data: '1' }]],
  ['nothing', '', []],
]

test.each(cases)('splits a stream with %s at every chunking (M16)', (_, text, expected) => {
  const bytes = Buffer.from(text)
  for (const chunkBytes of [1, 2, 3, 7, 64, 1000]) expect(split(bytes, chunkBytes)).toEqual(expected)
})

test('hands an event of any size on piece by piece, and cuts a name that is too long', () => {
  const data = 'x'.repeat(1_000_000)
  const [event] = split(Buffer.from(`event: ${'n'.repeat(5000)}\ndata: ${data}\n\n`), 4096)
  expect(event?.data.length).toBe(data.length)
  expect(event?.name).toBe('n'.repeat(maxEventNameBytes))
})
