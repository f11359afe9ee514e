import { expect, test } from 'vitest'
import { createKnownSecrets } from './known-secrets.ts'

test('every form of what was read is taken out of a text, and nothing else (C03)', () => {
  const secrets = createKnownSecrets()
  secrets.add({ kind: 'bearer' }, 'sk-real/key')
  secrets.add({ kind: 'basic' }, 'ada:pass word')
  const forms = ['sk-real/key', 'sk-real%2Fkey', 'sk-real\\/key', 'ada:pass word', 'pass%20word', btoa('ada:pass word')]
  expect(secrets.clean(`${forms.join(' and ')} of ada`)).toBe(`${forms.map(() => '[credential]').join(' and ')} of ada`)
  expect(secrets.clean('GET /v1/models 401')).toBe('GET /v1/models 401')
})

test('what is as short as a word is left alone, and what is renewed for ever is forgotten some day', () => {
  const secrets = createKnownSecrets()
  secrets.add({ kind: 'basic' }, 'ada:short')
  expect(secrets.clean('short')).toBe('short')
  for (let count = 0; count <= 1_000; count += 1) secrets.add({ kind: 'bearer' }, `renewed-token-${count}.`)
  expect(secrets.clean('renewed-token-1. renewed-token-1000.')).toBe('[credential] [credential]')
  expect(secrets.clean('ada:short renewed-token-0.')).toBe('ada:short renewed-token-0.')
})
