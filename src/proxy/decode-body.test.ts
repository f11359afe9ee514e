import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codings } from '../../test/fakes/coded.ts'
import { split } from '../../test/fakes/split.ts'
import { readCodings } from './content-codings.ts'
import { type DecodeEnd, decodeBody } from './decode-body.ts'

interface Decoded {
  readonly end: DecodeEnd
  readonly body: Buffer
  readonly largestPieceBytes: number
}

async function decoded(pieces: readonly Buffer[], field: string, maxBytes = 1e9): Promise<Decoded> {
  const body: Buffer[] = []
  const end = await decodeBody(pieces, {
    codings: readCodings([field]) ?? [],
    maxBytes,
    onDecoded: (piece) => body.push(piece),
  })
  return { end, body: Buffer.concat(body), largestPieceBytes: Math.max(0, ...body.map(({ length }) => length)) }
}

const text = Buffer.from('data: {"delta":"Gr\u00fc\u00dfe, \u4f60\u597d"}\n\n'.repeat(6))
const coded = Object.entries(codings).map(([title, { field, code }]) => ({ title, field, bytes: code(text) }))

describe.each(coded)('$title', ({ field, bytes }) => {
  it('decodes to the body, cut at every byte (M15)', async () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      const { end, body } = await decoded([bytes.subarray(0, at), bytes.subarray(at)], field)
      expect({ at, end, isSame: body.equals(text) }).toEqual({ at, end: 'whole', isSame: true })
    }
  })

  it('decodes to the body in any pieces (M15)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }), async (sizes) => {
        const { end, body } = await decoded(split(bytes, sizes), field)
        expect({ end, isSame: body.equals(text) }).toEqual({ end: 'whole', isSame: true })
      }),
      { numRuns: 40 },
    )
  })

  it('that ends early gives a beginning of the body', async () => {
    for (let length = 1; length < bytes.length; length += 1) {
      const { end, body } = await decoded(split(bytes.subarray(0, length), [64]), field)
      expect(body.equals(text.subarray(0, body.length))).toBe(true)
      // Between two members it looks whole, and right after it like something else.
      expect(['truncated', 'whole', 'trailing']).toContain(end)
    }
  })

  it('gives all of the body before something that does not belong to it', async () => {
    for (const sizes of [[bytes.length + 100], [bytes.length], [5]]) {
      const { end, body } = await decoded(split(Buffer.concat([bytes, Buffer.from('garbage')]), sizes), field)
      expect(body.equals(text)).toBe(true)
      expect(['trailing', 'malformed']).toContain(end)
    }
  })

  it('never fails on damage but by saying so', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (position, change) => {
        const damaged = Buffer.from(bytes)
        const at = position % bytes.length
        damaged.writeUInt8(damaged.readUInt8(at) ^ change, at)
        const { end } = await decoded(split(damaged, [64]), field, 1e6)
        expect(['whole', 'truncated', 'trailing', 'malformed', 'too_long']).toContain(end)
      }),
      { numRuns: 60 },
    )
  })

  it('of nothing is nothing', async () => {
    expect(await decoded([], field)).toMatchObject({ end: 'whole', body: Buffer.alloc(0) })
  })
})

describe('a bomb', () => {
  const zeros = Buffer.alloc(64 * 1024 * 1024)
  const bombs = {
    gzip: gzipSync(zeros),
    br: brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
    zstd: zstdCompressSync(zeros),
  }

  it.each(Object.entries(bombs))(
    'in %s is left at the limit, and is never in memory as a whole (H13)',
    async (field, bomb) => {
      expect(bomb.length).toBeLessThan(100_000)
      const { end, body, largestPieceBytes } = await decoded([bomb], field, 1_000_000)
      expect(end).toBe('too_long')
      expect(body.length).toBeLessThanOrEqual(1_000_000)
      expect(body.length).toBeGreaterThan(500_000)
      expect(largestPieceBytes).toBeLessThan(256 * 1024)
    },
  )

  it('in the inner of two codings is left at the limit too (H13)', async () => {
    const empty = gzipSync('')
    const { end, body } = await decoded([gzipSync(Buffer.concat(Array(1_000).fill(empty)))], 'gzip, gzip', 10_000)
    expect({ end, bytes: body.length }).toEqual({ end: 'too_long', bytes: 0 })
  })

  it('of very many empty members is left (H13)', async () => {
    const { end } = await decoded([Buffer.concat(Array(1_100).fill(gzipSync('')))], 'gzip')
    expect(end).toBe('malformed')
  })

  it('waits for whoever takes what is decoded', async () => {
    let waiting = 0
    let mostWaiting = 0
    await decodeBody([bombs.gzip], {
      codings: ['gzip'],
      maxBytes: 1e9,
      async onDecoded() {
        waiting += 1
        mostWaiting = Math.max(mostWaiting, waiting)
        await Promise.resolve()
        waiting -= 1
      },
    })
    expect(mostWaiting).toBe(1)
  })
})

it('a failure of whoever takes what is decoded is theirs', async () => {
  const onDecoded = () => {
    throw new Error('theirs')
  }
  await expect(decodeBody([gzipSync('a')], { codings: ['gzip'], maxBytes: 10, onDecoded })).rejects.toThrow('theirs')
})
