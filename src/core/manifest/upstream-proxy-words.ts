import type { SettingsFile } from './settings.ts'

/** `undefined` where hosts are dialled from here. */
export function upstreamProxyInWords({
  upstreamProxy,
  noProxy,
}: Pick<SettingsFile, 'upstreamProxy' | 'noProxy'>): string | undefined {
  if (!upstreamProxy) return undefined
  const { url, credential } = upstreamProxy
  const how = credential === null ? 'without a credential' : `with the credential of ${sourceKind(credential)}`
  const but = noProxy.length === 0 ? '' : `; not ${noProxy.join(', ')}`
  return `hosts are reached through ${url.origin}, ${how}${but}`
}

/** A command may hold a secret itself. */
function sourceKind(source: string): string {
  return source.startsWith('command:') ? 'a command' : source
}
