import fc from 'fast-check'
import { expect, test } from 'vitest'
import { credentialTraces } from './credential.ts'
import { createCredentialMask } from './credential-mask.ts'
import type { AuthScheme } from './route.ts'

function masked(traces: readonly string[], chunks: readonly Buffer[]): Buffer {
  const mask = createCredentialMask(traces)
  if (!mask) return Buffer.concat(chunks)
  return Buffer.concat([...chunks.map((chunk) => mask.push(chunk)), mask.end()])
}

function split(text: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    chunks.push(text.subarray(at, at + size))
    at += size
  }
  return [...chunks, text.subarray(at)]
}

const bearer: AuthScheme = { kind: 'bearer' }
const key = 'sk-real/key+0123'
const traces = credentialTraces(bearer, key)

test.each([
  ['the key itself', `{"error":"no such key: ${key}"}`],
  ['a URL', `https://a.test/?key=${encodeURIComponent(key)}`],
  ['a URL with small digits', `https://a.test/?key=${encodeURIComponent(key).toLowerCase()}`],
  ['JSON of a careful writer', `{"key":"${key.replaceAll('/', '\\/')}"}`],
])('%s is overwritten, at the same length, in any split (C03)', (_, text) => {
  const body = Buffer.from(text)
  const whole = masked(traces, [body]).toString()
  expect(whole).toHaveLength(text.length)
  expect(whole).toMatch(/\*{16,}/)
  for (const trace of traces) expect(whole).not.toContain(trace)
  for (const size of [1, 2, 3, 7, 15, 16, 17]) {
    const sizes = Array.from({ length: Math.ceil(body.length / size) }, () => size)
    expect(masked(traces, split(body, sizes)).toString()).toBe(whole)
  }
})

test('what is coded for the scheme is overwritten, and the password by itself (C03)', () => {
  const forms = credentialTraces({ kind: 'basic' }, 'ada:pass"word!')
  for (const form of ['ada:pass"word!', btoa('ada:pass"word!'), 'pass\\"word!', 'pass%22word!']) {
    expect(masked(forms, [Buffer.from(`<${form}>`)]).toString()).toBe(`<${'*'.repeat(form.length)}>`)
  }
})

test('a chunk that has nothing of the key passes as it is, and at once', () => {
  const mask = createCredentialMask(traces)
  const chunk = Buffer.from('data: {"text":"hello"}\n\n')
  expect(mask?.push(chunk)).toBe(chunk)
  expect(mask?.push(Buffer.from('so sk-re')).toString()).toBe('so ')
  expect(mask?.push(Buffer.from('ading')).toString()).toBe('sk-reading')
  expect(mask?.push(Buffer.from('sk-')).toString()).toBe('')
  expect(mask?.end().toString()).toBe('sk-')
})

test('what is too short to be a secret is not looked for', () => {
  expect(createCredentialMask(['short'])).toBeUndefined()
  expect(masked(['me:short1', 'short1'], [Buffer.from('me:short1 short1')]).toString()).toBe('********* short1')
})

/** Few letters, so that forms overlap, repeat, and begin in each other. */
const letters = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 11 })

test('in any split the output is that of the whole, has no form of the key, and only its bytes differ (C03)', () => {
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(letters, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })), { maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 }),
      (forms, parts, sizes) => {
        const body = Buffer.from(parts.join(''))
        const whole = masked(forms, [body])
        expect(masked(forms, split(body, sizes)).equals(whole)).toBe(true)
        for (const form of forms) expect(whole.includes(form)).toBe(false)
        for (const [at, byte] of whole.entries()) if (byte !== 0x2a) expect(byte).toBe(body[at])
        if (!forms.some((form) => body.includes(form))) expect(whole.equals(body)).toBe(true)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('bytes that are no text pass as they came', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.integer({ min: 0, max: 9 })), (bytes, sizes) => {
      const body = Buffer.from(bytes)
      expect(masked(traces, split(body, sizes)).equals(body)).toBe(true)
    }),
  )
})
