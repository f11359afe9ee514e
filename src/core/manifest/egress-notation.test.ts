import { describe, expect, test } from 'vitest'
import { bottleProblems } from '../../../test/fakes/bottle-text.ts'

describe('egress', () => {
  const route = (more: string) => `egress: {routes: [{host: a.test${more}}]}`

  test.each([
    [
      'a level that does not exist',
      'egress: {log: 3}',
      '2:15: egress.log: found "3"; a whole number from 0 to 2 is expected',
    ],
    ['a level in quotes', 'egress: {log: "1"}', '2:15: egress.log: found the text "1"; write 1 without quotes'],
    [
      'routes without a list',
      'egress: {routes: {host: a.test}}',
      '2:18: egress.routes: expected a list of routes, found a mapping',
    ],
    ['a route without a host', 'egress: {routes: [{methods: [GET]}]}', '2:19: egress.routes: "host" is missing'],
    [
      'an address',
      'egress: {routes: [{host: 127.0.0.1}]}',
      'egress.routes.host: "127.0.0.1" is an address; only names can be reached',
    ],
    [
      'a URL',
      'egress: {routes: [{host: "https://a.test"}]}',
      'egress.routes.host: the text "https://a.test" is no host name',
    ],
    ['another spelling', 'egress: {routes: [{host: API.test}]}', '"API.test" is no canonical name; write api.test'],
    ['a method in lower case', route(', methods: [get]'), 'egress.routes.methods: "get" is no method; write GET'],
    ['a method that never passes', route(', methods: CONNECT'), '"CONNECT" is no method that passes'],
    ['no methods', route(', methods: []'), 'egress.routes.methods: expected a list of methods, found an empty one'],
    ['a path without its slash', route(', paths: [repos]'), 'egress.routes.paths: "repos" '],
    ['** within a path', route(', paths: ["/**/x"]'), 'egress.routes.paths: the text "/**/x" has ** before its end'],
    [
      'an unknown scheme',
      route(', auth: {scheme: token, secret: env:T}'),
      'egress.routes.auth.scheme: expected bearer, x-api-key, basic, header or query, found "token"',
    ],
    ['auth without a secret', route(', auth: {scheme: bearer}'), 'egress.routes.auth: "secret" is missing'],
    [
      'the scheme query without a name',
      route(', auth: {scheme: query, secret: env:T}'),
      'egress.routes.auth: the scheme query needs a parameter; name it: parameter: NAME',
    ],
    [
      'the scheme header without a name',
      route(', auth: {scheme: header, secret: env:T}'),
      'egress.routes.auth: the scheme header needs a header; name it: header: NAME',
    ],
    [
      'a header for another scheme',
      route(', auth: {scheme: bearer, header: x, secret: env:T}'),
      'the scheme bearer has a header; remove "header", or write "scheme: header"',
    ],
    [
      'a relative secret file',
      route(', auth: {scheme: bearer, secret: "file:token"}'),
      'names no file by its absolute path',
    ],
    [
      'a tool that is none',
      route(', provider_tools: ["web search"]'),
      'egress.routes.provider_tools: the text "web search" is no name of a tool',
    ],
    ['websocket in words', route(', websocket: yes'), 'egress.routes.websocket: expected true or false, found "yes"'],
    [
      'another word for unlisted endpoints',
      'egress: {unlisted_endpoints: deny}',
      'egress.unlisted_endpoints: expected refuse or estimate, found "deny"',
    ],
  ])('refuses %s', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
  })

  test('never shows what stands in place of a credential', () => {
    const told = bottleProblems(route(', auth: {scheme: bearer, secret: ghp_abcdefgh}')).join('\n')
    expect(told).toContain('never the credential itself')
    expect(told).not.toContain('ghp_')
  })
})
