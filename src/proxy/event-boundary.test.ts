import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEventBoundary } from './event-boundary.ts'

const bytes = (text: string) => Buffer.from(text)

/** The first place in `rest` where an event ends, by feeding `before` and then looking. */
function endAfter(before: readonly string[], rest: string): number {
  const boundary = createEventBoundary()
  for (const chunk of before) boundary.push(bytes(chunk))
  return boundary.endWithin(bytes(rest))
}

describe('the boundary of events (E01)', () => {
  it('is at an end before anything came', () => {
    expect(createEventBoundary().isAtEnd).toBe(true)
  })

  it.each([
    ['data: x\n\n', true],
    ['data: x\r\n\r\n', true],
    ['data: x\r\r', true],
    ['data: x\n\r\n', true],
    ['data: x\r\n\n', true],
    ['data: x', false],
    ['data: x\n', false],
    ['data: x\r\n', false],
    ['data: x\r', false],
    ['data: x\r\n\r', false],
    ['data: x\n\nd', false],
    ['data: \\n\\n', false],
  ])('after %j says %s, however it was split', (text, isAtEnd) => {
    for (let split = 0; split <= text.length; split += 1) {
      const boundary = createEventBoundary()
      boundary.push(bytes(text.slice(0, split)))
      boundary.push(bytes(text.slice(split)))
      expect(boundary.isAtEnd).toBe(isAtEnd)
    }
  })

  it('finds the end in what comes next, also when the empty line is split', () => {
    expect(endAfter(['data: x'], '\n\nnext')).toBe(2)
    expect(endAfter(['data: x\n'], '\nnext')).toBe(1)
    expect(endAfter(['data: x\r\n\r'], '\nnext')).toBe(1)
    expect(endAfter(['data: '], 'x\r\n\r\nnext')).toBe(5)
    expect(endAfter(['data: x'], 'yz\n')).toBe(-1)
  })

  it('cuts any stream, split anyhow, after a whole event: what passed is a prefix that ends in an empty line', () => {
    const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
    const event = fc
      .tuple(fc.stringMatching(/^[a-z ]{1,12}$/), lineEnd)
      .map(([text, end]) => `data: ${text}${end}${end}`)
    const stream = fc.array(event, { minLength: 2, maxLength: 8 }).map((events) => bytes(events.join('')))
    fc.assert(
      fc.property(stream, fc.array(fc.nat(12), { maxLength: 40 }), fc.nat(200), (whole, sizes, cutAt) => {
        const chunks: Buffer[] = []
        let at = 0
        for (const size of [...sizes, whole.length]) {
          chunks.push(whole.subarray(at, at + size))
          at += size
        }
        const boundary = createEventBoundary()
        let passed = 0
        for (const chunk of chunks) {
          if (passed < cutAt) {
            boundary.push(chunk)
            passed += chunk.length
            continue
          }
          if (boundary.isAtEnd) break
          const end = boundary.endWithin(chunk)
          boundary.push(end === -1 ? chunk : chunk.subarray(0, end))
          passed += end === -1 ? chunk.length : end
          if (end !== -1) break
        }
        expect(whole.subarray(0, passed).toString()).toMatch(/(^|\n\n|\r\n\r\n|\r\r)$/)
      }),
      { numRuns: 500 },
    )
  })
})
