import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { testRoute } from '../../src/cli/test-route.ts'
import { type EffectiveBottle, problemInWords } from '../../src/core/manifest/definition.ts'
import { parseBottleFile } from '../../src/core/manifest/parse-bottle.ts'
import { resolveBottle } from '../../src/core/manifest/resolve-bottle.ts'
import { parseSettings } from '../../src/core/manifest/settings.ts'
import { writtenEgress } from '../../src/core/manifest/written-egress.ts'

const page = readFileSync(new URL('../../docs/egress.md', import.meta.url), 'utf8')

function bottleOf(yaml: string): EffectiveBottle {
  const parsed = parseBottleFile(`---\n${yaml}\n---\n`, { name: 'web', file: 'bottles/web.md' })
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemInWords).join('\n'))
  const resolved = resolveBottle({ names: ['web'], files: new Map([['web', parsed.bottle]]), known: ['web'] })
  if (resolved.kind === 'invalid') throw new Error(resolved.problems.map(problemInWords).join('\n'))
  return resolved.bottle
}

describe('docs/egress.md', () => {
  const [example, ...others] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => bottleOf(yaml))
  if (!example) throw new Error('docs/egress.md has no example')
  const rows = [...page.matchAll(/^\| ([A-Z]+) https:\/\/([^/\s]+)(\/\S*) \| (\w+)(?:: (\w+))? \|$/gm)]

  test('has verdicts for its first example, and further ones that can be copied', () => {
    expect(rows.length).toBeGreaterThan(10)
    expect(others.length).toBeGreaterThan(0)
  })

  test.each(rows.map(([, ...cells]) => cells.map((cell = '') => cell)))(
    '%s %s%s: %s %s',
    (method = '', authority = '', target = '', verdict, code) => {
      const told = testRoute(writtenEgress(example), { method, scheme: 'https', authority, target })
      expect(told).toMatchObject({ verdict, code: code || null })
    },
  )
})

test("the settings behind a company's proxy can be copied", () => {
  const yaml = /```yaml settings\.yml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  expect(parseSettings(yaml, { providers: [], file: 'settings.yml' })).toMatchObject({
    settings: { upstreamProxy: { credential: 'file:~/.config/proxy-login' }, noProxy: { length: 3 } },
  })
})

describe('a definition', () => {
  test.each([
    [
      '{host: api.openai.com}',
      /^bottles\/web\.md:5:\d+: egress\.routes: api\.openai\.com belongs to the provider codex/,
    ],
    ['{host: api.anthropic.com, paths: ["/v1/files"]}', /the bottle's own provider claude, .*take "paths" away/],
    ['{host: "*.com"}', /is too wide: anybody can get a name below that suffix/],
    ['{host: "*.github.io"}', /is too wide/],
    ['{host: a.test, paths: ["/a/**/b"]}', /has \*\* before its end/],
    ['{host: a.test, auth: {scheme: bearer, secret: ghp_abc}}', /does not say where the credential is/],
  ])('with the route %s is refused with its place and the reason (I3)', (route, problem) => {
    expect(() => bottleOf(`agent_provider: claude\negress:\n  routes:\n    - ${route}`)).toThrow(problem)
  })
})
