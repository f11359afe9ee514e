import { expect, test } from 'vitest'
import { createKnownSecrets } from '../host/secrets/known-secrets.ts'
import { examineUpstreamProxy, upstreamProxyOf } from './upstream-proxy.ts'

const url = new URL('http://proxy.corp.test:3128')
const settings = {
  upstreamProxy: { url, credential: 'env:BOT_BOTTLE_PROXY' },
  noProxy: ['.corp.test', '10.0.0.0/8'],
}

test('the credential is read where it is kept, with each tunnel', async () => {
  const secrets = createKnownSecrets()
  const options = upstreamProxyOf(settings, { BOT_BOTTLE_PROXY: 'ada:password' }, secrets)
  expect(await options?.credential?.()).toBe('ada:password')
  expect(secrets.clean('ada:password')).toBe('[credential]')
  expect(options?.direct).toMatchObject([{ kind: 'suffix' }, { kind: 'range' }])
  expect(upstreamProxyOf({ upstreamProxy: null, noProxy: [] }, {}, secrets)).toBeUndefined()
})

test('doctor says which proxy there is, what goes around it, and what its credential lacks, never the credential (C06)', async () => {
  const found = (environment: Record<string, string>) => examineUpstreamProxy(settings, environment)
  expect(await found({ BOT_BOTTLE_PROXY: 'ada:pw' })).toEqual([
    {
      subject: 'upstream_proxy',
      ok: true,
      found:
        'hosts are reached through http://proxy.corp.test:3128, with the credential of env:BOT_BOTTLE_PROXY; not .corp.test, 10.0.0.0/8',
    },
  ])
  expect(await found({})).toMatchObject([{ ok: false, found: expect.stringContaining('BOT_BOTTLE_PROXY is not set') }])
  expect(await found({ BOT_BOTTLE_PROXY: 'onlyauser' })).toMatchObject([
    { ok: false, found: expect.stringMatching(/^(?!.*onlyauser).*USER:PASSWORD/) },
  ])
  expect(await examineUpstreamProxy({ upstreamProxy: null, noProxy: [] }, {})).toEqual([])
})
