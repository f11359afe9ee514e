import { expect, test } from 'vitest'
import { readSecretSource } from './secret-source.ts'

test.each([
  ['env:GITHUB_TOKEN', { kind: 'env', name: 'GITHUB_TOKEN' }],
  ['env: GITHUB_TOKEN', { kind: 'env', name: 'GITHUB_TOKEN' }],
  ['file:/run/secrets/token', { kind: 'file', path: '/run/secrets/token' }],
  ['file:~/.config/my token', { kind: 'file', path: '~/.config/my token' }],
  ['keyring:github.com', { kind: 'keyring', service: 'github.com' }],
  ['keyring:github.com/ada@example.com', { kind: 'keyring', service: 'github.com', account: 'ada@example.com' }],
  ['command:gh auth token', { kind: 'command', command: 'gh auth token' }],
  ['command:printf a:b | tr : x', { kind: 'command', command: 'printf a:b | tr : x' }],
])('%s is read', (text, expected) => {
  expect(readSecretSource(text)).toEqual(expected)
})

test.each([
  ['ghp_0123456789', /does not say where the credential is/],
  ['', /does not say where/],
  ['ENV:X', /does not say where/],
  ['https://vault.test/token', /does not say where/],
  ['env:', /names no environment variable/],
  ['env:A-B', /names no environment variable/],
  ['env:1A', /names no environment variable/],
  ['file:token', /names no file by its absolute path/],
  ['file:../token', /names no file/],
  ['file:/', /names no file/],
  ['file:/etc/', /names no file/],
  ['keyring:', /names no entry of the keyring/],
  ['keyring:$(id)/ada', /names no entry of the keyring/],
  ['keyring:a b', /names no entry of the keyring/],
  ['command:', /names no command/],
  ['command:   ', /names no command/],
])('%j is refused, and the reason never repeats it', (text, why) => {
  const reading = readSecretSource(text)
  expect(reading).toEqual({ kind: 'invalid', why: expect.stringMatching(why) })
  if (reading.kind === 'invalid' && text.length > 8) expect(reading.why).not.toContain(text)
})
