import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openaiChat } from './formats/openai-chat.ts'
import { applyEdit, includeUsageEdit } from './include-usage.ts'

const inChunks = (text: string, size: number): readonly Buffer[] => {
  const bytes = Buffer.from(text)
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

function edited(text: string, size = 1000): string | undefined {
  const body = inChunks(text, size)
  const edit = includeUsageEdit(body)
  if (edit === 'unreadable') return edit
  return edit && Buffer.concat(applyEdit(body, edit)).toString()
}

describe('a stream is asked for its usage by a few bytes (M09)', () => {
  test.each([
    ['absent', '{"stream":true}', '{"stream_options":{"include_usage":true},"stream":true}'],
    ['absent, after blanks', ' \n{ "stream":true}', ' \n{"stream_options":{"include_usage":true}, "stream":true}'],
    ['null', '{"stream_options": null ,"a":1.0}', '{"stream_options": {"include_usage":true} ,"a":1.0}'],
    ['empty', '{"stream_options":{},"é":"\\u00e9"}', '{"stream_options":{"include_usage":true},"é":"\\u00e9"}'],
    ['false', '{"stream_options":{"include_usage":false}}', '{"stream_options":{"include_usage":true}}'],
    ['null inside', '{"stream_options":{"include_usage":null}}', '{"stream_options":{"include_usage":true}}'],
    [
      'with other options',
      '{"stream_options": { "include_obfuscation": false },"x":[1,  2]}',
      '{"stream_options": {"include_obfuscation":false,"include_usage":true},"x":[1,  2]}',
    ],
    [
      'with an escaped name',
      '{"stream\\u005foptions":{"include\\u005fusage":false}}',
      '{"stream\\u005foptions":{"include_usage":true}}',
    ],
    [
      'twice: the last one counts',
      '{"stream_options":{"include_usage":true},"stream_options":{}}',
      '{"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}}',
    ],
    [
      'twice inside: the last one counts',
      '{"stream_options":{"include_usage":true,"include_usage":false}}',
      '{"stream_options":{"include_usage":true}}',
    ],
    [
      'only elsewhere',
      '{"messages":[{"stream_options":{"include_usage":true}}],"x":"\\"stream_options\\":{}"}',
      '{"stream_options":{"include_usage":true},"messages":[{"stream_options":{"include_usage":true}}],"x":"\\"stream_options\\":{}"}',
    ],
  ])('%s', (_, text, expected) => {
    for (const size of [1, 2, 3, 7, 64, 1000]) expect(edited(text, size)).toBe(expected)
  })

  test.each([
    '{"stream_options":{"include_usage":true}}',
    '{"stream_options":{"include_usage":false},"stream_options":{"include_usage":true}}',
    '{"stream_options":"yes"}',
    '{"stream_options":[]}',
  ])('but not where the client asks, or its provider will refuse: %s', (text) => expect(edited(text)).toBeUndefined())

  test('and a body whose options are too long to be read is unreadable', () => {
    const body = JSON.stringify({ stream: true, stream_options: { x: 'x'.repeat(100_000) } })
    expect(edited(body)).toBe('unreadable')
    expect(openaiChat.readRequest([Buffer.from(body)], '')).toBeUndefined()
  })

  test('whatever else the body says, at every split: that is left byte by byte', () => {
    const options = fc.oneof(
      fc.constant(null),
      fc.dictionary(fc.constantFrom('include_usage', 'include_obfuscation', 'x'), fc.boolean()),
    )
    const bodies = fc.record({
      before: fc.object(),
      options: fc.option(options, { nil: undefined }),
      after: fc.object(),
    })
    fc.assert(
      fc.property(bodies, fc.constantFrom(0, 1, 2), fc.integer({ min: 1, max: 50 }), (fields, indent, size) => {
        const body = { before: fields.before, stream_options: fields.options, after: fields.after }
        const text = JSON.stringify(body, null, indent)
        const changed = edited(text, size)
        if (changed === undefined) {
          expect(fields.options).toHaveProperty('include_usage', true)
          return
        }
        expect(JSON.parse(changed)).toEqual(
          JSON.parse(JSON.stringify({ ...body, stream_options: { ...fields.options, include_usage: true } })),
        )
        const [before = '', after = ''] = text.split(/(?<="stream_options": ?)(?:null|\{[^}]*\})/)
        if (fields.options !== undefined) expect(changed.startsWith(before) && changed.endsWith(after)).toBe(true)
        else expect(changed.endsWith(text.slice(1))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a request for completions', () => {
  const editOf = (fields: object) => openaiChat.readRequest([Buffer.from(JSON.stringify(fields))], '')?.edit

  test('is edited only when it asks for a stream (M09)', () => {
    expect(editOf({ stream: true })).toBeDefined()
    expect(editOf({ stream: true, stream_options: { include_usage: false } })).toBeDefined()
    for (const fields of [
      {},
      { stream: false },
      { stream: null },
      { stream: true, stream_options: { include_usage: true } },
    ])
      expect(editOf(fields)).toBeUndefined()
  })
})
