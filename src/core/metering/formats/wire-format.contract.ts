/**
 * What every wire format keeps, whatever it meters: each fixture reads the same in any split and with any line ending,
 * hostile bytes neither throw nor count, and what a meter keeps is bounded.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimateOutputTokens } from '../estimate.ts'
import type { BodyKind, MeterReading, WireFormat } from '../format.ts'

export interface FixtureCase {
  /** Behaviour and case id, for the title. */
  readonly title: string
  /** File name below `fixtures/FORMAT/`. */
  readonly file: string
  readonly expected: Omit<MeterReading, 'observedOutputTokens'>
  /** All output that the fixture shows, which is what the output is estimated from. */
  readonly visibleText: string
  /** Of base64 of the reasoning that it hides. */
  readonly sealedBytes?: number
}

const chunkSizes = [1, 2, 3, 7, 64]
const lineEndings = ['\n', '\r', '\r\n']

export function inChunks(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

export function readChunks(format: WireFormat, kind: BodyKind, chunks: Iterable<Uint8Array>): MeterReading {
  const meter = format.createMeter(kind)
  for (const chunk of chunks) meter.feed(chunk)
  meter.end()
  meter.end()
  return meter.reading()
}

export function readText(format: WireFormat, kind: BodyKind, text: string): MeterReading {
  return readChunks(format, kind, [Buffer.from(text)])
}

function kindOf(file: string): BodyKind {
  return file.endsWith('.sse') ? 'sse' : 'json'
}

export function checkWireFormat(format: WireFormat, cases: readonly FixtureCase[]): void {
  const load = (file: string) => readFileSync(new URL(`./fixtures/${format.name}/${file}`, import.meta.url))
  const loaded = cases.map(({ file }) => ({ kind: kindOf(file), bytes: load(file) }))

  describe('fixtures', () => {
    test.each(cases)('$title', ({ file, expected, visibleText, sealedBytes = 0 }) => {
      const bytes = load(file)
      const whole = readChunks(format, kindOf(file), [bytes])
      expect(whole).toEqual({
        ...expected,
        observedOutputTokens: estimateOutputTokens({ ...bytesOf(visibleText), sealedBytes }),
      })
      for (const size of chunkSizes) expect(readChunks(format, kindOf(file), inChunks(bytes, size))).toEqual(whole)
    })
  })

  test('reads the same at every random split (M16)', () => {
    const picked = fc.constantFrom(...loaded)
    const cuts = fc.array(fc.nat({ max: 6000 }), { maxLength: 12 })
    fc.assert(
      fc.property(picked, cuts, ({ kind, bytes }, at) => {
        const edges = [0, ...at.filter((cut) => cut < bytes.length).sort((left, right) => left - right), bytes.length]
        const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
        expect(readChunks(format, kind, chunks)).toEqual(readChunks(format, kind, [bytes]))
      }),
      { numRuns: 200 },
    )
  })

  const streams = loaded.filter(({ kind }) => kind === 'sse').map(({ bytes }) => bytes)

  if (streams.length > 0) checkStreams(format, streams)

  test('never throws on hostile bytes, and takes no usage from them', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.json().map((json) => Buffer.from(`data: ${json}\n\n`)),
      fc.stringMatching(/^[{}[\]",:\\a-u0-9\r\n -]{0,200}$/).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(
        fc.constantFrom<BodyKind>('sse', 'json', 'messages'),
        fc.array(noise, { maxLength: 8 }),
        (kind, chunks) => {
          const { usage, isFinal } = readChunks(format, kind, chunks)
          expect({ usage, isFinal }).toEqual({ usage: {}, isFinal: false })
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a truncated fixture reads as a part of the whole, never more (M07)', () => {
    for (const { kind, bytes } of loaded) {
      const whole = readChunks(format, kind, [bytes])
      for (let length = 0; length < bytes.length; length += 13) {
        const part = readChunks(format, kind, [bytes.subarray(0, length)])
        expect(part.observedOutputTokens).toBeLessThanOrEqual(whole.observedOutputTokens)
        if (part.isFinal) expect(part.usage).toEqual(whole.usage)
      }
    }
  })
}

function checkStreams(format: WireFormat, streams: readonly Buffer[]): void {
  test('reads the same with any mix of line endings, a BOM, comments, split data lines and no final blank line (M16)', () => {
    const variant = fc.record({
      bytes: fc.constantFrom(...streams),
      endings: fc.array(fc.constantFrom(...lineEndings), { minLength: 1, maxLength: 5 }),
      extras: fc.array(fc.constantFrom('', '', ': comment', 'id: 7', 'retry', 'data', 'event'), {
        minLength: 1,
        maxLength: 5,
      }),
      hasMark: fc.boolean(),
      chunkBytes: fc.integer({ min: 1, max: 40 }),
    })
    fc.assert(
      fc.property(variant, ({ bytes, endings, extras, hasMark, chunkBytes }) => {
        const lines = bytes
          .toString()
          .trimEnd()
          .split('\n')
          .flatMap((line, index) => {
            const extra = line.startsWith('data:') ? extras[index % extras.length] : undefined
            return [...(extra ? [extra] : []), ...splitDataLine(line)]
          })
        const text = joinLines(lines, endings)
        const rewritten = Buffer.from((hasMark ? '\uFEFF' : '') + text)
        const { phase, ...counted } = readChunks(format, 'sse', inChunks(rewritten, chunkBytes))
        const { phase: expectedPhase, ...expected } = readChunks(format, 'sse', [bytes])
        expect(counted).toEqual(expected)
        expect(phase).toBe(expectedPhase)
      }),
      { numRuns: 150 },
    )
  })

  test('reads the events of a stream the same when each comes as a message', () => {
    for (const bytes of streams) {
      const messages = bytes
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => Buffer.from(line.slice('data: '.length)))
      expect(readChunks(format, 'messages', messages)).toEqual(readChunks(format, 'sse', [bytes]))
    }
  })
}

/** `data: {"a":1,…}` as two data lines, which the standard joins with a newline; cut at the start of a key. */
function splitDataLine(line: string): readonly string[] {
  const at = line.startsWith('data: {"') ? 'data: {'.length : -1
  return at === -1 ? [line] : [line.slice(0, at), `data:${line.slice(at)}`]
}

function bytesOf(text: string): { readonly asciiBytes: number; readonly otherBytes: number } {
  const asciiBytes = [...text].filter((character) => character < '\u0080').length
  return { asciiBytes, otherBytes: Buffer.byteLength(text) - asciiBytes }
}

/** A blank line that ends in LF must not follow a line that ends in CR: together they would be one CRLF. */
function joinLines(lines: readonly string[], endings: readonly string[]): string {
  let text = ''
  for (const [index, line] of lines.entries()) {
    const ending = endings[index % endings.length] ?? '\n'
    text += line + (line === '' && ending === '\n' && text.endsWith('\r') ? '\r' : ending)
  }
  return text
}
