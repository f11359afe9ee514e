import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codings } from '../../test/fakes/coded.ts'
import { type Fixture, fixtures } from '../../test/fakes/fixtures.ts'
import { split } from '../../test/fakes/split.ts'
import type { MeterReading } from '../core/metering/format.ts'
import { wireFormats } from '../core/metering/formats/formats.ts'
import { createCodedTap } from './coded-tap.ts'
import { readCodings } from './content-codings.ts'
import type { Extension } from './lease.ts'
import { proxyLimits } from './limits.ts'

const onBug = (error: unknown) => expect.fail(String(error))
const noHold = { feed: () => undefined }

function readPlain({ format, kind, bytes }: Fixture): MeterReading {
  const meter = wireFormats[format].createMeter(kind)
  meter.feed(bytes)
  meter.end()
  return meter.reading()
}

/** As the proxy does: each piece once the one before it no longer holds the stream. */
async function readCoded({ format, kind }: Fixture, field: string, pieces: readonly Buffer[]): Promise<MeterReading> {
  const meter = wireFormats[format].createMeter(kind)
  const tap = createCodedTap({
    codings: readCodings([field]) ?? [],
    decoded: {
      feed(piece) {
        meter.feed(piece)
        return undefined
      },
    },
    onUndecodable: () => expect.fail('it is decodable'),
    onBug,
  })
  for (const piece of pieces) await tap.feed(piece)
  await tap.end()
  meter.end()
  return meter.reading()
}

const sizes = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 6 })

describe.each(Object.entries(codings))('in %s', (_, { field, code }) => {
  it('every fixture of every format reads as it does without coding, in any pieces (M15, M16)', async () => {
    for (const fixture of fixtures) {
      const coded = code(fixture.bytes)
      const expected = readPlain(fixture)
      await fc.assert(
        fc.asyncProperty(sizes, async (pieceBytes) => {
          expect(await readCoded(fixture, field, split(coded, pieceBytes))).toEqual(expected)
        }),
        { numRuns: 3 },
      )
    }
  })
})

describe('a coded answer', () => {
  const { code } = codings.gzip ?? expect.fail('gzip is there')
  const coded = code(Buffer.from('some text that does not compress too well 0123456789'))

  it('is held while the one who reads it holds', async () => {
    const extension = Promise.withResolvers<Extension>()
    const fed = Promise.withResolvers<void>()
    const tap = createCodedTap({
      codings: ['gzip'],
      decoded: {
        feed() {
          fed.resolve()
          return extension.promise
        },
      },
      onUndecodable: () => {},
      onBug,
    })
    void tap.feed(coded.subarray(0, -4))
    await fed.promise
    const held = tap.feed(coded.subarray(-4))
    expect(held).toBe(extension.promise)
    extension.resolve('end')
    expect(await held).toBe('end')
    await tap.end()
  })

  it('is held while too much of it waits to be decoded, and goes on whatever it is (M24)', async () => {
    for (const bytes of [code(Buffer.alloc(5_000_000, 'a comment ')), Buffer.alloc(5_000, 1)]) {
      const tap = createCodedTap({ codings: ['gzip'], decoded: noHold, onUndecodable: () => {}, onBug })
      let heldPieces = 0
      for (const piece of split(bytes, [proxyLimits.maxUndecodedBytes])) {
        const held = tap.feed(piece)
        if (held) heldPieces += 1
        expect(await held).toBe(held && 'go')
      }
      expect(heldPieces).toBeGreaterThan(0)
      await tap.end()
    }
  })

  it('that cannot be decoded is told so once, with what of it came; from then on its bytes are fed', async () => {
    const told: number[] = []
    let fedBytes = 0
    const tap = createCodedTap({
      codings: ['gzip'],
      decoded: {
        feed(piece) {
          fedBytes += piece.length
          return undefined
        },
      },
      onUndecodable: (bytes) => told.push(bytes),
      onBug,
    })
    await tap.feed(coded.subarray(0, 10))
    for (let piece = 0; piece < 100; piece += 1) await tap.feed(Buffer.alloc(100, 0xff))
    await tap.end()
    expect(told).toHaveLength(1)
    const [toldBytes = 0] = told
    expect(toldBytes + fedBytes).toBeGreaterThanOrEqual(10_000)
    expect(toldBytes + fedBytes).toBeLessThanOrEqual(10_010)
  })

  it('whose reader fails while it holds is decoded on, and the failure is told to who was held', async () => {
    const extension = Promise.withResolvers<Extension>()
    const fed = Promise.withResolvers<void>()
    const decoded = {
      feed() {
        fed.resolve()
        return extension.promise
      },
    }
    const tap = createCodedTap({ codings: ['gzip'], decoded, onUndecodable: () => {}, onBug })
    void tap.feed(coded.subarray(0, -4))
    await fed.promise
    const held = tap.feed(coded.subarray(-4))
    extension.reject(new Error('the ledger is gone'))
    await expect(held).rejects.toThrow('the ledger is gone')
    await tap.end()
  })

  it('whose decoding fails as it never should counts as undecodable, and the bug is told', async () => {
    const bugs: unknown[] = []
    let undecodableBytes = 0
    const tap = createCodedTap({
      codings: ['gzip'],
      decoded: {
        feed() {
          throw new Error('a bug')
        },
      },
      onUndecodable: (bytes) => {
        undecodableBytes = bytes
      },
      onBug: (bug) => bugs.push(bug),
    })
    await tap.feed(coded)
    await tap.end()
    expect(bugs).toEqual([new Error('a bug')])
    expect(undecodableBytes).toBe(coded.length)
  })

  it('that nobody ends well is ended all the same', async () => {
    const tap = createCodedTap({ codings: ['gzip', 'br'], decoded: noHold, onUndecodable: () => {}, onBug })
    await tap.end()
    await tap.end()
    expect(tap.feed(coded)).toBeUndefined()
  })
})
