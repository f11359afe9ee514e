/** A provider that speaks every wire format, each below a path of its own. */
import type { Provider } from '../../src/core/provider/provider.ts'
import { type Fixture, formatNames } from './fixtures.ts'
import type { AskOptions } from './proxy-client.ts'
import type { ProxyRigOptions } from './proxy-rig.ts'
import type { Upstream } from './raw-upstream.ts'

const host = 'formats.test'

/** What its certificate must be for. */
export const formatProviderNames = [host]

const formatProvider: Provider = {
  name: 'polyglot',
  hosts: [
    {
      host,
      endpoints: formatNames.map((format) => ({ kind: 'metered', method: 'POST', path: `/${format}/**`, format })),
    },
  ],
  credential: { sources: [], scheme: { kind: 'bearer' } },
  env: {},
  containedEnv: {},
  homeFiles: {},
}

export function leadingToFormats({ port, caCertificate }: Upstream): ProxyRigOptions {
  const upstreams = new Map([[host, new URL(`https://127.0.0.1:${port}`)]])
  return { providers: [formatProvider], upstreams, upstreamCa: caCertificate }
}

/** A request that has such an answer. It asks for the usage of a stream, so that no event is kept back from it. */
export function requestFor({ format, kind }: Pick<Fixture, 'format' | 'kind'>): AskOptions {
  const streaming = { stream: true, stream_options: { include_usage: true } }
  const messages = [{ role: 'user', content: 'say hi' }]
  return {
    host,
    path: `/${format}/models/m:${kind === 'sse' ? 'streamGenerateContent' : 'generateContent'}`,
    body: JSON.stringify({ model: 'm', max_tokens: 500, messages, ...(kind === 'sse' && streaming) }),
  }
}
