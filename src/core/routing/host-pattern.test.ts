import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostPatternFault, matchesHost } from './host-pattern.ts'

describe('matchesHost', () => {
  it.each([
    ['api.github.com', 'api.github.com', true],
    ['api.github.com', 'xapi.github.com', false],
    ['api.github.com', 'api.github.com.evil.test', false],
    ['*.github.com', 'api.github.com', true],
    ['*.github.com', 'a.b.github.com', true],
    ['*.github.com', 'github.com', false],
    ['*.github.com', 'evilgithub.com', false],
    ['*.github.com', 'github.com.evil.test', false],
  ])('%s is about %s: %s (H03)', (pattern, host, expected) => {
    expect(matchesHost(pattern, host)).toBe(expected)
  })

  it('a wildcard is about exactly the names that end with a dot and its suffix', () => {
    fc.assert(
      fc.property(fc.domain(), fc.domain(), (name, suffix) => {
        expect(matchesHost(`*.${suffix}`, `${name}.${suffix}`)).toBe(true)
        expect(matchesHost(`*.${suffix}`, suffix)).toBe(false)
        expect(matchesHost(`*.${suffix}`, `${name}${suffix}`)).toBe(`${name}${suffix}`.endsWith(`.${suffix}`))
      }),
    )
  })
})

describe('hostPatternFault', () => {
  it.each([
    'api.github.com',
    '*.github.com',
    'localhost',
    '*.example.co.uk',
    '*.my-app.vercel.app',
    'xn--bcher-kva.example',
  ])('%s is a pattern', (pattern) => {
    expect(hostPatternFault(pattern)).toBeUndefined()
  })

  it.each([
    ['*', 'has a * elsewhere than as the whole first label'],
    ['**.github.com', 'has a * elsewhere than as the whole first label'],
    ['api.*.com', 'has a * elsewhere than as the whole first label'],
    ['*api.github.com', 'has a * elsewhere than as the whole first label'],
    ['*.com', 'is too wide: anybody can get a name below that suffix'],
    ['*.co.uk', 'is too wide: anybody can get a name below that suffix'],
    ['*.github.io', 'is too wide: anybody can get a name below that suffix'],
    ['*.s3.amazonaws.com', 'is too wide: anybody can get a name below that suffix'],
    ['bottle.internal', 'is the bottle itself, which needs no route'],
    ['127.0.0.1', 'is an address; only names can be reached'],
    ['[::1]', 'is an address; only names can be reached'],
    ['2130706433', 'is an address; only names can be reached'],
    ['API.github.com', 'is no canonical name; write api.github.com'],
    ['*.GitHub.com.', 'is no canonical name; write *.github.com'],
    ['https://api.github.com', 'is no host name: it has an empty label or a character that no host name has'],
    ['api.github.com:443', 'is no host name: it has an empty label or a character that no host name has'],
    ['', 'is no host name: it is empty'],
    ['b\u00fccher.example', 'is no host name: it has a control or non-ASCII character'],
  ])('%j %s', (pattern, fault) => {
    expect(hostPatternFault(pattern)).toBe(fault)
  })
})
