import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchesPath, pathPatternFault } from './path-pattern.ts'
import { requestPath } from './request-path.ts'

describe('matchesPath', () => {
  it.each([
    ['/', '/'],
    ['/v1/messages', '/v1/messages'],
    ['/**', '/'],
    ['/**', '/a'],
    ['/**', '/a/b/c/'],
    ['/repos/**', '/repos/'],
    ['/repos/**', '/repos/a'],
    ['/repos/**', '/repos/a/b'],
    ['/repos/*', '/repos/a'],
    ['/repos/*/issues', '/repos/a/issues'],
    ['/repos/*/issues/**', '/repos/a/issues/1/comments'],
    ['/v1beta/models/*:generateContent', '/v1beta/models/gemini-3:generateContent'],
    ['/a*c', '/abc'],
    ['/*.git/info/refs', '/x.git/info/refs'],
    ['/a%20b', '/a%20b'],
    ['/*', '/a%20b'],
  ])('%s is about %s', (pattern, path) => {
    expect(matchesPath(pattern, path)).toBe(true)
  })

  it.each([
    ['/v1/messages', '/v1/messages/'],
    ['/v1/messages', '/V1/messages'],
    ['/v1/messages', '/v1/%6dessages'],
    ['/repos/**', '/repos'],
    ['/repos/**', '/reposx/a'],
    ['/repos/**', '/x/repos/a'],
    ['/repos/*', '/repos/'],
    ['/repos/*', '/repos/a/b'],
    ['/repos/*', '/repos/a/'],
    ['/repos/*/issues', '/repos/issues'],
    ['/repos/*/issues', '/repos/a/b/issues'],
    ['/repos/*/issues/**', '/repos/a/issues'],
    ['/repos/*/issues/**', '/repos/a/pulls/1'],
    ['/v1beta/models/*:generateContent', '/v1beta/models/:generateContent'],
    ['/v1beta/models/*:generateContent', '/v1beta/models/a/b:generateContent'],
    ['/v1beta/models/*:generateContent', '/v1beta/models/a%3agenerateContent'],
    ['/v1beta/models/*:generateContent', '/v1beta/models/a:generateContentX'],
    ['/ab*bc', '/abc'],
    ['/a%20b', '/a b'],
    ['/a%2Ab', '/a%2ab'],
  ])('%s is not about %s (H12)', (pattern, path) => {
    expect(matchesPath(pattern, path)).toBe(false)
  })

  const segment = fc.stringMatching(/^[a-zA-Z0-9._~:@!$&'()+,=-]{1,8}$/).filter((text) => !/^\.{1,2}$/.test(text))
  const segments = fc.array(segment, { minLength: 1, maxLength: 5 })

  it('a pattern without a star is about exactly itself', () => {
    fc.assert(
      fc.property(segments, segments, (one, other) => {
        const [pattern, path] = [`/${one.join('/')}`, `/${other.join('/')}`]
        expect(matchesPath(pattern, pattern)).toBe(true)
        expect(matchesPath(pattern, path)).toBe(pattern === path)
      }),
    )
  })

  it('a star stands for anything within its segment and for nothing beyond it', () => {
    fc.assert(
      fc.property(segments, fc.nat(), segment, segment, segment, (path, at, before, middle, after) => {
        const starred = path.with(at % path.length, `${before}*${after}`)
        const filled = (text: string) => `/${path.with(at % path.length, `${before}${text}${after}`).join('/')}`
        const pattern = `/${starred.join('/')}`
        expect(matchesPath(pattern, filled(middle))).toBe(true)
        expect(matchesPath(pattern, filled(''))).toBe(false)
        expect(matchesPath(pattern, filled(`${middle}/${middle}`))).toBe(false)
        expect(matchesPath(`${pattern}/**`, `${filled(middle)}/${path.join('/')}`)).toBe(true)
      }),
    )
  })

  it('says the same as a regular expression of the pattern (H12)', () => {
    const odd = fc.stringMatching(/^\/[ab*%26/:]{0,12}$/)
    fc.assert(
      fc.property(odd, odd, (pattern, path) => {
        if (pathPatternFault(pattern) !== undefined || requestPath(path).kind === 'refused') return
        const source = pattern
          .split('/')
          .map((text) => (text === '**' ? '.*' : text.replace('*', '[^/]+')))
          .join('/')
        expect(matchesPath(pattern, path)).toBe(new RegExp(`^${source}$`).test(path))
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('pathPatternFault', () => {
  it.each(['/', '/**', '/*', '/a/*/b/**', '/v1beta/models/*:generateContent', '/a%20b', '/a/'])(
    '%s is one',
    (pattern) => {
      expect(pathPatternFault(pattern)).toBeUndefined()
    },
  )

  it.each([
    ['', 'is no path that can be decided on: it does not begin with /'],
    ['repos/**', 'is no path that can be decided on: it does not begin with /'],
    ['/a/**/b', 'has ** before its end, where only * can stand'],
    ['/a/**b', 'has more than one * in the segment "**b"'],
    ['/a/*x*', 'has more than one * in the segment "*x*"'],
    ['/a/***', 'has more than one * in the segment "***"'],
    ['/a//b', 'is no path that can be decided on: it has an empty segment'],
    ['/a/../b', 'is no path that can be decided on: it has a dot segment'],
    ['/a%2fb', 'is no path that can be decided on: it encodes one of . / \\ % ;'],
    ['/a b', 'is no path that can be decided on: it has a control or non-ASCII character'],
    ['/a?b=*', 'has a query, which no rule looks at'],
  ])('%j %s', (pattern, fault) => {
    expect(pathPatternFault(pattern)).toBe(fault)
  })
})
