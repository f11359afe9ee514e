import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerDnsQuery, dnsLimits } from './dns-answer.ts'

const typeA = 1
const typeTxt = 16
const typeAaaa = 28
const typeAny = 255

function queryFor(name: string, type: number, { flags = 0x0100, questions = 1 } = {}): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  return Uint8Array.of(0xab, 0xcd, flags >> 8, flags & 255, 0, questions, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1)
}

const answerCount = (response: Uint8Array | undefined) => response?.[7]
const responseCode = (response: Uint8Array | undefined) => (response?.[3] ?? 255) & 15

describe('answerDnsQuery', () => {
  it('answers every A question with the one synthetic address (S03)', () => {
    const response = answerDnsQuery(queryFor('api.anthropic.com', typeA))
    expect(response?.subarray(0, 4)).toEqual(Uint8Array.of(0xab, 0xcd, 0x81, 0x80))
    expect(answerCount(response)).toBe(1)
    expect([...(response ?? []).slice(-4)]).toEqual([198, 18, 0, 1])
  })

  it.each([typeTxt, typeAaaa, typeAny, 0])('answers type %i with an empty NOERROR (S03)', (type) => {
    const query = queryFor('secret.evil.test', type)
    const response = answerDnsQuery(query)
    expect(responseCode(response)).toBe(0)
    expect(answerCount(response)).toBe(0)
    expect(response?.subarray(12)).toEqual(query.subarray(12))
  })

  it('leaves out what comes behind the question, such as an EDNS record', () => {
    const query = queryFor('a.test', typeA)
    const withEdns = Uint8Array.of(...query, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0)
    expect(answerDnsQuery(withEdns)).toEqual(answerDnsQuery(query))
  })

  it('says nothing to a response, so two responders cannot talk for ever', () => {
    expect(answerDnsQuery(queryFor('a.test', typeA, { flags: 0x8180 }))).toBeUndefined()
  })

  it.each([
    ['no question', queryFor('a.test', typeA, { questions: 0 })],
    ['two questions', queryFor('a.test', typeA, { questions: 2 })],
    ['a compressed name', Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1)],
    ['a name without an end', Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 97, 97)],
    ['a name beyond 255 bytes', queryFor(Array(30).fill('a'.repeat(20)).join('.'), typeA)],
  ])('calls a packet with %s malformed', (_, query) => {
    const response = answerDnsQuery(query)
    expect(responseCode(response)).toBe(1)
    expect(answerCount(response)).toBe(0)
  })

  it('does not implement other operations, such as updates', () => {
    expect(responseCode(answerDnsQuery(queryFor('a.test', typeA, { flags: 0x2800 })))).toBe(4)
  })

  it('never throws and never answers longer than its limit, whatever the packet', () => {
    const headed = fc
      .tuple(fc.uint8Array({ minLength: 12, maxLength: 12 }), fc.uint8Array({ maxLength: 600 }))
      .map(([head, rest]) => Uint8Array.of(...head.subarray(0, 2), 1, 0, 0, 1, ...head.subarray(6), ...rest))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 700 }), headed), (packet) => {
        const response = answerDnsQuery(packet)
        if (response === undefined) return
        expect(response.length).toBeLessThanOrEqual(dnsLimits.maxAnswerBytes)
        expect((response[2] ?? 0) & 0x80).toBe(0x80)
      }),
      { numRuns: 2_000 },
    )
  })
})
