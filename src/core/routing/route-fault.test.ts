import { describe, expect, it } from 'vitest'
import { claude } from '../provider/claude.ts'
import type { Provider } from '../provider/provider.ts'
import type { Route } from './route.ts'
import { routeFault } from './route-fault.ts'

const own: Provider = { ...claude, name: 'local', hosts: [{ host: 'llm.example.com', endpoints: [] }] }
const auth: Route['auth'] = { scheme: { kind: 'bearer' }, secret: 'env:TOKEN' }

describe('routeFault', () => {
  it.each<Route>([
    { host: 'api.github.com', methods: ['GET'], paths: ['/repos/**'], auth },
    { host: '*.github.com' },
    { host: '*.anthropic.com' },
    { host: 'api.anthropic.com' },
    { host: 'api.anthropic.com', providerTools: ['web_search'], webSocket: false },
    { host: 'llm.example.com', providerTools: [] },
  ])('%j can stand in a bottle', (route) => {
    expect(routeFault(route, [claude, own])).toBeUndefined()
  })

  it.each<readonly [Route, RegExp]>([
    [{ host: 'api.openai.com' }, /belongs to the provider codex, which this bottle does not have/],
    [{ host: 'api.openai.com', auth }, /say "agent_provider: codex" instead$/],
    [{ host: 'api.anthropic.com', auth }, /own provider claude, .*take "auth" away/],
    [{ host: 'llm.example.com', auth, paths: ['/**'] }, /own provider local, .*take "auth" away/],
    [{ host: 'api.anthropic.com', paths: ['/v1/files'] }, /take "paths" away/],
    [{ host: 'api.anthropic.com', methods: ['POST'] }, /take "methods" away/],
    [{ host: 'api.github.com', webSocket: false }, /api\.github\.com is no provider's$/],
    [{ host: '*.anthropic.com', providerTools: ['web_search'] }, /a wildcard is never about the host of a provider$/],
  ])('%j cannot (I3)', (route, fault) => {
    expect(routeFault(route, [claude, own])).toMatch(fault)
  })
})
