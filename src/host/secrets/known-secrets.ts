/** The credentials that this process has read so far, so that whatever it writes can be cleaned of them. In memory only. */
import { credentialTraces } from '../../core/routing/credential.ts'
import { minMaskedBytes } from '../../core/routing/credential-mask.ts'
import type { AuthScheme } from '../../core/routing/route.ts'

export interface KnownSecrets {
  add(scheme: AuthScheme, secret: string): void
  /** Without any form of any of them. */
  clean(text: string): string
}

const removed = '[credential]'
/** Of those that are renewed again and again the oldest, which are worth nothing, are forgotten. */
const maxSecrets = 1_000

export function createKnownSecrets(): KnownSecrets {
  const known = new Map<string, readonly string[]>()
  return {
    add(scheme, secret) {
      const traces = credentialTraces(scheme, secret).filter(({ length }) => length >= minMaskedBytes)
      known.delete(secret)
      known.set(secret, traces)
      const [oldest] = known.keys()
      if (oldest !== undefined && known.size > maxSecrets) known.delete(oldest)
    },
    clean(text) {
      let clean = text
      for (const traces of known.values()) for (const trace of traces) clean = clean.replaceAll(trace, removed)
      return clean
    },
  }
}
