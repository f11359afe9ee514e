import { describe, expect, it } from 'vitest'
import { countBase64Bytes, minBase64Bytes } from './base64-bytes.ts'
import { estimateInputTokens } from './estimate.ts'

const image = Buffer.alloc(300_000, 7).toString('base64')
const bodyWith = (data: string) => Buffer.from(JSON.stringify({ model: 'm', messages: [{ text: 'hello', data }] }))

describe('base64 content', () => {
  it.each([1, 7, 1_000, 65_536, 1_000_000])('is counted in chunks of %i bytes as in one', (size) => {
    const body = bodyWith(image)
    const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
      body.subarray(index * size, (index + 1) * size),
    )
    const counted = countBase64Bytes(chunks)
    expect(counted).toBeLessThanOrEqual(image.length)
    expect(counted).toBeGreaterThan(image.length * 0.98)
  })

  it.each([
    ['prose', 'some words of a long text. '.repeat(10_000)],
    ['code with escapes', 'if(a){b()}\\n'.repeat(10_000)],
    ['Chinese', '漢字'.repeat(50_000)],
    ['short strings', 'x'.repeat(minBase64Bytes - 1)],
  ])('is not taken for it: %s', (_name, text) => {
    expect(countBase64Bytes([bodyWith(text)])).toBe(0)
  })

  it('of an image is not estimated at its bytes: a call with one fits a budget of 200,000', () => {
    const tokens = estimateInputTokens([bodyWith(Buffer.alloc(700_000, 7).toString('base64'))])
    expect(tokens).toBeGreaterThan(1_600)
    expect(tokens).toBeLessThan(20_000)
  })
})
