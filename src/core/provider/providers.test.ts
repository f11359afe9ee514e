import { describe, expect, it } from 'vitest'
import { canonicalHost } from '../routing/canonical-host.ts'
import { decide } from '../routing/decide.ts'
import { pathPatternFault } from '../routing/path-pattern.ts'
import { placeholderCredential } from './provider.ts'
import { knownProviders } from './providers.ts'

describe.each(knownProviders)('the built-in provider $name ($signIn)', (provider) => {
  const { hosts, credential, env, homeFiles } = provider

  it('names its hosts and paths as requests are decided on', () => {
    for (const { host, endpoints } of hosts) {
      expect(canonicalHost(host)).toEqual({ kind: 'name', name: host })
      for (const { path } of endpoints) expect(pathPatternFault(path)).toBeUndefined()
    }
  })

  it('has a metered endpoint on every host, and no free one that covers it (I3)', () => {
    for (const { host, endpoints } of hosts) {
      const metered = endpoints.flatMap((endpoint) => (endpoint.kind === 'metered' ? endpoint : []))
      expect(metered).not.toEqual([])
      for (const { method, path, transport } of metered) {
        const asked = { host, method, path: path.replace('*', 'gemini-x'), isWebSocket: transport === 'websocket' }
        const policy = { providers: [provider], routes: [], unlistedEndpoints: 'refuse' } as const
        expect(decide(policy, asked).kind).toBe('metered')
      }
    }
  })

  it('shows the bottle the placeholder wherever its clients look for a credential (I2)', () => {
    const shown = credential.sources.map((source) => env[source.replace(/^env:/, '')])
    const isInFile = credential.login !== undefined
    expect(new Set(shown.filter((value) => value !== undefined))).toEqual(
      new Set(isInFile ? [] : [placeholderCredential]),
    )
    expect(Object.values(homeFiles).join('')).not.toMatch(/sk-[a-z]/)
  })
})

it('never lets a bottle ask for tokens and keys, nor where unlisted endpoints pass (I2)', () => {
  const host = 'api.anthropic.com'
  for (const provider of knownProviders.filter(({ name }) => name === 'claude')) {
    for (const path of ['/v1/oauth/token', '/api/oauth/claude_cli/create_api_key', '/api/oauth/account/settings']) {
      const policy = { providers: [provider], routes: [], unlistedEndpoints: 'estimate' } as const
      const verdict = decide(policy, { host, method: 'POST', path })
      expect(verdict).toMatchObject({ kind: 'refused', code: 'endpoint_not_allowed' })
    }
  }
})

it('gives every host to one provider only', () => {
  const owners = knownProviders.flatMap(({ name, hosts }) => hosts.map(({ host }) => `${host} ${name}`))
  const hosts = [...new Set(owners)].map((owner) => owner.split(' ')[0])
  expect(new Set(hosts).size).toBe(hosts.length)
})
