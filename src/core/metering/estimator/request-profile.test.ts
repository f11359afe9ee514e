import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FeatureName, featureNames } from './byte-features.ts'
import { priorWeights } from './prior.ts'
import { predictTokens } from './regression.ts'
import { maxPieces, pieceBytesOf, profileRequest, type RequestProfile } from './request-profile.ts'

const bodyOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const feature = ({ features }: RequestProfile, name: FeatureName) => features[featureNames.indexOf(name)]
const message = (text: string) => ({ role: 'user', content: [{ type: 'text', text }] })
const words = 'the meter reads a copy of what passes and Never changes, delays or breaks 1 byte; its number'.split(' ')
const prose = (length: number, seed = 0) =>
  Array.from({ length }, (_, index) => `${words[(index * 7 + seed) % words.length]} `).join('')

function inChunks(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

describe('the profile of a request', () => {
  const transcript = bodyOf({
    model: 'm',
    messages: [message(prose(900)), message('"quoted" {"a":1}\n'.repeat(300)), message('第二行 — текст '.repeat(200))],
    image: Buffer.alloc(30_000, 7).toString('base64'),
  })

  it('is the same in whatever chunks the body came', () => {
    const whole = profileRequest([transcript])
    const tokens = predictTokens({ weights: priorWeights }, whole.features)
    const expectSame = (sizes: readonly number[]) => {
      const { marks, features } = profileRequest(inChunks(transcript, sizes))
      expect(marks).toEqual(whole.marks)
      expect(Math.abs(predictTokens({ weights: priorWeights }, features) / tokens - 1)).toBeLessThan(0.02)
    }
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 5 }), expectSame), {
      numRuns: 60,
    })
    expectSame([1])
    // The first place where a piece may end, and those around it, at the edge of a chunk.
    for (let size = 2040; size < 2060; size++) {
      const body = Buffer.from(`${'x'.repeat(size)}{"a":1}`.padEnd(5_000, '{"b"}'))
      expect(profileRequest(inChunks(body, [size + 1])).marks).toEqual(profileRequest([body]).marks)
    }
  })

  it('counts a short body byte by byte, by class', () => {
    const profile = profileRequest([Buffer.from('{"aB":"1 é\\n第"}')])
    const counts = Object.fromEntries(featureNames.map((name) => [name, feature(profile, name)]))
    expect(counts).toMatchObject({ lower: 2, upper: 1, digit: 1, space: 1, quote: 4, backslash: 1, bracket: 3 })
    expect(counts).toMatchObject({ twoByteLead: 1, longLead: 1, continuationByte: 3, sealed: 0, blobs: 0 })
  })

  it('accounts for every byte of a long one within its sample', () => {
    const profile = profileRequest([transcript])
    const inClasses = featureNames.slice(0, -1).reduce((total, name) => total + (feature(profile, name) ?? 0), 0)
    expect(Math.abs(inClasses / transcript.length - 1)).toBeLessThan(0.01)
    expect(profile.totalBytes).toBe(transcript.length)
  })

  it('knows an image from text, and a signature from an image', () => {
    const image = profileRequest([
      bodyOf([message(prose(900)), { data: Buffer.alloc(90_000, 'x7').toString('base64') }]),
    ])
    expect(feature(image, 'blobs')).toBe(1)
    expect(Math.abs((feature(image, 'blobBytes') ?? 0) / 120_000 - 1)).toBeLessThan(0.01)
    const signed = profileRequest([
      bodyOf([message(prose(900)), { signature: Buffer.alloc(900, 'x7').toString('base64') }]),
    ])
    expect(feature(signed, 'blobs')).toBe(0)
    expect(feature(signed, 'sealed')).toBeGreaterThan(700)
    const lines = Buffer.alloc(30_000, 'x7').toString('base64').replaceAll(/.{76}/g, '$&\n')
    for (const text of [lines, prose(5_000), 'return'.repeat(3_000), '{"a":[1,2.5,-3]},'.repeat(900)]) {
      const plain = profileRequest([bodyOf([message(text)])])
      expect([feature(plain, 'blobs'), feature(plain, 'sealed')], text.slice(0, 20)).toEqual([0, 0])
    }
  })

  it('knows the same messages again behind and before others', () => {
    const messages = Array.from({ length: 12 }, (_, index) => message(prose(600, index)))
    const before = profileRequest([bodyOf({ messages, tools: [message(prose(800, 99))] })])
    const after = profileRequest([
      bodyOf({ messages: [...messages, message('more')], tools: [message(prose(800, 99))] }),
    ])
    const known = after.marks.filter((mark) => before.marks.includes(mark))
    const knownBytes = known.reduce((total, mark) => total + pieceBytesOf(mark), 0)
    expect(knownBytes / after.totalBytes).toBeGreaterThan(0.8)
    const others = profileRequest([
      bodyOf({ messages: messages.map(({ role }, index) => message(role + prose(600, index + 50))) }),
    ])
    expect(others.marks.filter((mark) => before.marks.includes(mark))).toEqual([])
  })

  it('keeps a bounded number of marks of a body of any size, and takes an empty one', () => {
    const huge = bodyOf(Array.from({ length: 5_000 }, (_, index) => message(prose(300, index))))
    expect(profileRequest([huge]).marks).toHaveLength(maxPieces)
    expect(profileRequest([])).toMatchObject({ marks: [], totalBytes: 0 })
  })
})
