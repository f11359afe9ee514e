import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../routing/decide.ts'
import { requestPath } from '../routing/request-path.ts'
import { learnedRoutes, routesAsYaml } from './learned-routes.ts'
import { parseBottleFile } from './parse-bottle.ts'

const request = (text: string) => {
  const [method = '', host = '', path = ''] = text.split(' ')
  return { method, host, path }
}

describe('learned routes', () => {
  it('are one for each host, with the methods and paths that were asked for', () => {
    const asked = ['POST b.test /x', 'GET b.test /x', 'GET a.test /y/1', 'GET a.test /y/2', 'GET b.test /x']
    expect(learnedRoutes(asked.map(request))).toEqual([
      { host: 'a.test', methods: ['GET'], paths: ['/y/1', '/y/2'] },
      { host: 'b.test', methods: ['GET', 'POST'], paths: ['/x'] },
    ])
  })

  it('tell many paths by their folders, and many folders not at all', () => {
    const many = (path: (index: number) => string) =>
      Array.from({ length: 9 }, (_, index) => `GET a.test ${path(index)}`)
    const routes = (texts: readonly string[]) => learnedRoutes(texts.map(request))
    expect(routes([...many((index) => `/repos/${index}`), 'GET a.test /user', 'GET a.test /repos/'])).toEqual([
      { host: 'a.test', methods: ['GET'], paths: ['/repos/**', '/user'] },
    ])
    expect(routes(many((index) => `/${index}/x`))).toEqual([{ host: 'a.test', methods: ['GET'] }])
  })

  it('look at no path where one cannot be a pattern', () => {
    expect(learnedRoutes([request('GET a.test /@types%2fnode')])).toEqual([{ host: 'a.test', methods: ['GET'] }])
  })

  it('allow what was asked for, also when they are read back from the lines of a definition', () => {
    const segment = fc.stringMatching(/^[a-z0-9*@"'#:{}[\]-]{0,6}$/)
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
    const asked = fc.record({
      host: fc.constantFrom('a.test', 'b.example.com', 'xn--bcher-kva.test'),
      method: fc.constantFrom('GET', 'POST', 'PROPFIND'),
      path: path.filter((text) => requestPath(text).kind === 'path'),
    })
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 30 }), (requests) => {
        const text = `---\n${routesAsYaml(learnedRoutes(requests))}---\n`
        const parsed = parseBottleFile(text, { name: 'web', file: 'bottles/web.md' })
        if (parsed.kind === 'invalid') throw new Error(`${text}\n${JSON.stringify(parsed.problems)}`)
        const routes = parsed.bottle.egress.routes.map(({ value }) => value)
        for (const line of requests) {
          expect(decide({ providers: [], routes, unlistedEndpoints: 'refuse' }, line).kind).toBe('routed')
        }
      }),
    )
  })
})
