import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createUsageChunkFilter, maxHeldBytes } from './usage-chunk-filter.ts'

const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 }
const chunk = (fields: object): string => `data: ${JSON.stringify({ id: 'x', ...fields })}\n\n`
const delta = chunk({ choices: [{ index: 0, delta: { content: '"choices":[],"usage":{} — 第二行' } }], usage: null })
const usageChunk = chunk({ choices: [], usage })
const done = 'data: [DONE]\n\n'

function filtered(text: string, size = 1_000_000): string {
  const filter = createUsageChunkFilter()
  const bytes = Buffer.from(text)
  const passed: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) passed.push(filter.push(bytes.subarray(at, at + size)))
  passed.push(filter.end())
  return Buffer.concat(passed).toString()
}

describe('the chunk of usage without choices is taken out (M09)', () => {
  test.each([
    ['before the end mark', delta + usageChunk + done, delta + done],
    ['as the last', delta + usageChunk, delta],
    ['without a blank line after it', delta + usageChunk.trimEnd(), delta],
    ['after an event of another name', `event: x\n${delta}${usageChunk}`, `event: x\n${delta}`],
    ['with its name, id and comments', `${delta}: ping\nevent: x\nid: 1\n${usageChunk}${done}`, delta + done],
    ['in two data lines', `${delta}data: {"choices":[],\ndata: "usage":{}}\n\n${done}`, delta + done],
    ['with blanks', `data:{ "choices" : [ ] , "usage":{} }\n\n${done}`, done],
  ])('%s, at every chunking and with every line ending', (_, text, expected) => {
    for (const ending of ['\n', '\r', '\r\n'])
      for (const size of [1, 2, 3, 7, 64, 1000])
        expect(filtered(text.replaceAll('\n', ending), size)).toBe(expected.replaceAll('\n', ending))
  })

  test.each([
    ['a chunk with choices and usage', chunk({ choices: [{ index: 0, delta: {} }], usage })],
    ['a chunk of content filters', chunk({ choices: [], prompt_filter_results: [] })],
    ['no usage yet', chunk({ choices: [], usage: null })],
    ['text that looks like it', delta],
    ['what is no JSON', 'data: {"choices":[],"usage":{}\n\n'],
    ['an error', chunk({ error: { message: '"choices":[]' } })],
    ['comments and blank lines', '\n\n: ping\n\n\n'],
    ['half an event at the end', 'data: {"choi'],
    ['an event beyond what is held', chunk({ choices: [], usage, padding: 'x'.repeat(maxHeldBytes) })],
  ])('and nothing else: %s', (_, text) => {
    for (const size of [1, 3, 64, 100_000]) expect(filtered(delta + text, size)).toBe(delta + text)
  })
})

const events = fc.array(
  fc.record({
    text: fc.constantFrom(
      delta,
      usageChunk,
      done,
      ': ping\n\n',
      '\n',
      chunk({ choices: [], usage: null }),
      'data:\n\n',
    ),
    ending: fc.constantFrom('\n', '\r', '\r\n'),
  }),
  { maxLength: 12 },
)

/** Line endings as asked for, but never a line feed right after a carriage return: together they would be one ending. */
function written(list: readonly { readonly text: string; readonly ending: string }[]): readonly string[] {
  let isAfterReturn = false
  return list.map(({ text, ending }) => {
    const event = text.replaceAll('\n', isAfterReturn && ending === '\n' && text.startsWith('\n') ? '\r' : ending)
    isAfterReturn = event.endsWith('\r')
    return event
  })
}

test('every other byte passes in its order, and no later than its event ends, at every split (I4)', () => {
  fc.assert(
    fc.property(events, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }), (list, sizes) => {
      const texts = written(list)
      const isUsage = (text: string) => text.includes('"prompt_tokens"')
      const filter = createUsageChunkFilter()
      const bytes = Buffer.from(texts.join(''))
      let passed = ''
      for (let at = 0, step = 0; at < bytes.length; step++) {
        const size = sizes[step % sizes.length] ?? 1
        passed += filter.push(bytes.subarray(at, at + size)).toString('latin1')
        at += size
        let ended = 0
        let due = ''
        for (const text of texts) {
          ended += Buffer.byteLength(text)
          if (ended <= at && !isUsage(text)) due += Buffer.from(text).toString('latin1')
        }
        expect(passed.startsWith(due)).toBe(true)
      }
      passed += filter.end().toString('latin1')
      expect(Buffer.from(passed, 'latin1').toString()).toBe(texts.filter((text) => !isUsage(text)).join(''))
    }),
    { numRuns: 500 },
  )
})
