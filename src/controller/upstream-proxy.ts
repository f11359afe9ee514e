/** The company's proxy as the settings have it: for the way upstream, and for `doctor`. */
import { messageOf } from '../core/errors.ts'
import { upstreamProxyInWords } from '../core/manifest/upstream-proxy-words.ts'
import { readDirectRule } from '../core/routing/direct-rule.ts'
import { type Credential, createCredential } from '../host/secrets/credential.ts'
import type { KnownSecrets } from '../host/secrets/known-secrets.ts'
import type { Settings } from '../host/settings.ts'
import type { UpstreamProxyOptions } from '../proxy/upstream-proxy.ts'
import type { Finding } from '../sandbox/sandbox.ts'

type ProxySettings = Pick<Settings, 'upstreamProxy' | 'noProxy'>
type Environment = Readonly<Record<string, string | undefined>>

export function upstreamProxyOf(
  { upstreamProxy, noProxy }: ProxySettings,
  environment: Environment,
  secrets: KnownSecrets,
): UpstreamProxyOptions | undefined {
  if (!upstreamProxy) return undefined
  const credential = credentialOf(upstreamProxy, environment, secrets)
  return {
    url: upstreamProxy.url,
    direct: noProxy.map(readDirectRule).filter((rule) => rule.kind !== 'invalid'),
    ...(credential && { credential: () => credential.read() }),
  }
}

export async function examineUpstreamProxy(
  settings: ProxySettings,
  environment: Environment,
): Promise<readonly Finding[]> {
  if (!settings.upstreamProxy) return []
  const subject = 'upstream_proxy'
  try {
    await credentialOf(settings.upstreamProxy, environment)?.read()
    return [{ subject, ok: true, found: upstreamProxyInWords(settings) ?? '' }]
  } catch (error) {
    return [{ subject, ok: false, found: messageOf(error), hint: 'The controller reads it in its own environment.' }]
  }
}

function credentialOf(
  { credential }: NonNullable<ProxySettings['upstreamProxy']>,
  environment: Environment,
  secrets?: KnownSecrets,
): Credential | undefined {
  if (credential === null) return undefined
  const scheme = { kind: 'basic' } as const
  return createCredential({
    subject: 'the upstream proxy',
    scheme,
    sources: [credential],
    environment,
    nowMs: Date.now,
    onSecret: (secret) => secrets?.add(scheme, secret),
  })
}
