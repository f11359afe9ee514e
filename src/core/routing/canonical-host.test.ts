import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalHost, splitAuthority } from './canonical-host.ts'

const names: readonly (readonly [string, string])[] = [
  ['api.anthropic.com', 'api.anthropic.com'],
  ['API.Anthropic.COM', 'api.anthropic.com'],
  ['api.anthropic.com.', 'api.anthropic.com'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
  ['localhost', 'localhost'],
  ['a', 'a'],
  ['_dmarc.example.com', '_dmarc.example.com'],
  ['1e100.net', '1e100.net'],
  ['127.0.0.1.example.com', '127.0.0.1.example.com'],
  ['0x7f.example', '0x7f.example'],
  [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
]

const invalid: readonly string[] = [
  '',
  '.',
  '..',
  '.api.anthropic.com',
  'api..anthropic.com',
  'api.anthropic.com..',
  ' api.anthropic.com',
  'api.anthropic.com ',
  'api.anthropic.com\t',
  'api.anthropic.com\0',
  'api.anthropic.com\0.evil.test',
  'api.anthropic.com\r\n',
  'api.anthropic.com\n.evil.test',
  'api.anthropic.com\x7f',
  'api.anthropic.com%00',
  'api%2eanthropic.com',
  'api.anthropic.com%25eth0',
  'user@api.anthropic.com',
  'api.anthropic.com@evil.test',
  'user:secret@api.anthropic.com',
  'api.anthropic.com/',
  'api.anthropic.com/../evil.test',
  'api.anthropic.com\\evil.test',
  'api.anthropic.com?evil.test',
  'api.anthropic.com#evil.test',
  'api.anthropic.com;evil.test',
  'api.anthropic.com,evil.test',
  'api.anthropic.com:443',
  '*.anthropic.com',
  'api.anthropic.com\u3002evil.test',
  '\uff41pi.anthropic.com',
  'api\uff0eanthropic.com',
  'api.anthropic.com\u200b',
  'api.anthrop\u0131c.com',
  'b\u00fccher.example',
  '\u212api.example',
  '-api.anthropic.com',
  'api-.anthropic.com',
  `${'a'.repeat(64)}.example`,
  `${'a.'.repeat(127)}example`,
  '"api.anthropic.com"',
  "api.anthropic.com'",
  '<api.anthropic.com>',
  'api.anthropic.com|',
  'fe80::1',
  '::1',
]

const addresses: readonly string[] = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0X7F.0.0.1',
  '0x',
  '017700000001',
  '0177.0.0.1',
  '00000177.0.0.1',
  '0',
  '0.0.0.0',
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '0xa9.0xfe.0xa9.0xfe',
  '1.2.3.4.5',
  '999.999.999.999',
  'evil.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[fe80::1%25eth0]',
  '[0:0:0:0:0:0:0:1]',
  '[::]',
  '[',
]

describe('canonicalHost', () => {
  it.each(names)('spells %j as %j (H03)', (text, name) => {
    expect(canonicalHost(text)).toEqual({ kind: 'name', name })
  })

  it.each(invalid)('refuses %j (H03)', (text) => {
    expect(canonicalHost(text).kind).toBe('invalid')
  })

  it.each(addresses)('takes %j for an address (H04)', (text) => {
    expect(canonicalHost(text)).toEqual({ kind: 'address' })
  })

  it('is idempotent, and lets out only letters, digits, hyphens, underscores and dots (H03)', () => {
    const oddities = [...'aAzZ09._-%@:/\\[] \0\t\r\n\x7f', '\u3002', '\uff0e', '\uff41', '\u200b', '\u212a', '\u0130']
    const spelling = fc.array(fc.constantFrom(...oddities), { maxLength: 40 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(spelling, fc.domain(), fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        const host = canonicalHost(text)
        if (host.kind !== 'name') return
        expect(host.name).toMatch(/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/)
        expect(canonicalHost(host.name)).toEqual(host)
        expect(text.toLowerCase().replace(/\.$/, '')).toBe(host.name)
      }),
      { numRuns: 2_000 },
    )
  })

  it('takes every spelling that the URL standard reads as an IPv4 address for one (H04)', () => {
    const number = fc.oneof(
      fc.nat(0xffffffff).map(String),
      fc.nat(0xffffffff).map((value) => `0x${value.toString(16)}`),
      fc.nat(0xffffffff).map((value) => `0${value.toString(8)}`),
    )
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 4 }), (parts) => {
        const text = parts.join('.')
        if (!URL.canParse(`http://${text}`)) return
        expect(canonicalHost(text)).toEqual({ kind: 'address' })
      }),
    )
  })
})

describe('splitAuthority', () => {
  it.each([
    ['a.test', { host: 'a.test', port: undefined }],
    ['a.test:443', { host: 'a.test', port: 443 }],
    ['a.test:00443', { host: 'a.test', port: 443 }],
    ['[::1]:80', { host: '[::1]', port: 80 }],
  ])('splits %j (H03)', (text, parts) => {
    expect(splitAuthority(text)).toEqual(parts)
  })

  it.each([
    '',
    ':',
    ':443',
    'a.test:',
    'a.test:0',
    'a.test:65536',
    'a.test:443443',
    'a.test:-1',
    'a.test:+443',
    'a.test:0x1bb',
    'a.test:4 4',
    'a.test:443:443',
    'user:secret@a.test:443',
    '::1',
    '[::1',
    '::1]:443',
    'a.test:\uff14\uff14\uff13',
  ])('does not split %j (H03)', (text) => {
    expect(splitAuthority(text)).toBeUndefined()
  })
})
