/**
 * A provider: who bills tokens, at which hosts, which of its endpoints are metered, and how it wants the credential.
 * **Invariant** (I3) An endpoint that is not listed is refused.
 */
import type { WireFormatName } from '../metering/format.ts'

export interface Endpoint {
  /** Upper case; `*` for any. */
  readonly method: string
  /** Exact, or a prefix that ends with `/**`. */
  readonly path: string
  readonly kind: 'metered' | 'free'
}

export interface ProviderHost {
  readonly host: string
  readonly format: WireFormatName
  readonly endpoints: readonly Endpoint[]
}

/** How the proxy presents the real credential upstream. */
export type CredentialScheme = { readonly kind: 'bearer' } | { readonly kind: 'header'; readonly name: string }

export interface ProviderCredential {
  /** Where the host keeps it, tried in order: `env:NAME`. */
  readonly sources: readonly string[]
  readonly scheme: CredentialScheme
}

export interface Provider {
  readonly name: string
  readonly hosts: readonly ProviderHost[]
  readonly credential: ProviderCredential
  /** Environment inside the bottle, placeholders in place of credentials. */
  readonly env: Readonly<Record<string, string>>
  /** More of it where the bottle is contained: what would be a false promise elsewhere. */
  readonly containedEnv: Readonly<Record<string, string>>
  /** Files that its clients want in their home: path relative to home → content. */
  readonly homeFiles: Readonly<Record<string, string>>
}

/** What clients inside a bottle see in place of a credential. Worth nothing anywhere. */
export const placeholderCredential = 'bot-bottle-placeholder-the-proxy-adds-the-real-key'
