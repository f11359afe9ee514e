import { describe, expect, it } from 'vitest'
import { canonicalHost } from '../routing/canonical-host.ts'
import { requestPath } from '../routing/request-path.ts'
import { placeholderCredential } from './provider.ts'
import { builtInProviders } from './providers.ts'

describe.each(builtInProviders)('the built-in provider $name', ({ hosts, credential, env, homeFiles }) => {
  it('names its hosts and paths as requests are decided on', () => {
    for (const { host, endpoints } of hosts) {
      expect(canonicalHost(host)).toEqual({ kind: 'name', name: host })
      for (const { path } of endpoints) {
        const bare = path.replace(/\*\*$/, '')
        expect(requestPath(bare)).toEqual({ kind: 'path', path: bare, query: '' })
      }
    }
  })

  it('has a metered endpoint on every host, and no free one that covers it (I3)', () => {
    for (const { endpoints } of hosts) {
      const metered = endpoints.filter(({ kind }) => kind === 'metered')
      expect(metered).not.toEqual([])
      const covering = endpoints.filter(({ kind, path }) =>
        metered.some((one) => kind === 'free' && path.endsWith('/**') && one.path.startsWith(path.slice(0, -2))),
      )
      expect(covering).toEqual([])
    }
  })

  it('shows the bottle the placeholder wherever its clients look for a credential (I2)', () => {
    for (const source of credential.sources) expect(env[source.replace(/^env:/, '')]).toBe(placeholderCredential)
    expect(Object.values(homeFiles).join('')).not.toMatch(/sk-[a-z]/)
  })
})

it('gives every host to one provider only', () => {
  const hosts = builtInProviders.flatMap((provider) => provider.hosts.map(({ host }) => host))
  expect(new Set(hosts).size).toBe(hosts.length)
})
