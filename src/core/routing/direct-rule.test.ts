import { expect, test } from 'vitest'
import { readDirectRule } from './direct-rule.ts'

test.each([
  ['Mirror.Corp.test.', { kind: 'name', name: 'mirror.corp.test' }],
  ['.corp.test', { kind: 'suffix', suffix: 'corp.test' }],
  ['10.0.0.0/8', { kind: 'range', address: '10.0.0.0', prefixBits: 8, family: 'ipv4' }],
  ['10.1.2.3', { kind: 'range', address: '10.1.2.3', prefixBits: 32, family: 'ipv4' }],
  ['0.0.0.0/0', { kind: 'range', address: '0.0.0.0', prefixBits: 0, family: 'ipv4' }],
  ['fd00::/8', { kind: 'range', address: 'fd00::', prefixBits: 8, family: 'ipv6' }],
  ['::1', { kind: 'range', address: '::1', prefixBits: 128, family: 'ipv6' }],
])('%s is read', (text, rule) => {
  expect(readDirectRule(text)).toEqual(rule)
})

test.each([
  ['10.0.0.0/33', 'has no prefix from 0 to 32'],
  ['fd00::/129', 'has no prefix from 0 to 128'],
  ['10.0.0.0/', 'has no prefix from 0 to 32'],
  ['10.0.0.0/8/8', 'is no host name'],
  ['*.corp.test', 'write .SUFFIX'],
  ['10.0.0', 'is no host name'],
  ['256.0.0.1', 'is no host name'],
  ['corp.test:8080', 'is no host name'],
  ['https://corp.test', 'is no host name'],
  ['.', 'is no host name'],
  ['', 'is no host name'],
])('%j is refused', (text, why) => {
  const read = readDirectRule(text)
  expect(read.kind === 'invalid' ? read.why : read).toContain(why)
})
