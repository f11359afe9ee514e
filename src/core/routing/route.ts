/** What one bottle may reach beside its provider's own endpoints, and the credential that the proxy adds there. */

/** How the proxy presents a credential upstream. `basic`: the secret is `USER:PASSWORD` (RFC 7617). */
export type AuthScheme =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'x-api-key' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'header'; readonly name: string }
  /** Of a provider alone. */
  | { readonly kind: 'chatgpt' }
  /** As a parameter of the query. */
  | { readonly kind: 'query'; readonly name: string }

export interface RouteAuth {
  readonly scheme: AuthScheme
  /** Where the host keeps it: `env:NAME`, `file:PATH` or `command:…`. Never the secret itself. */
  readonly secret: string
}

export interface Route {
  /** Canonical name, or `*.SUFFIX` for every name below it (not the suffix itself). */
  readonly host: string
  /** Upper case. Absent: every method. */
  readonly methods?: readonly string[]
  /** Patterns as in `path-pattern.ts`. Absent: every path. */
  readonly paths?: readonly string[]
  readonly auth?: RouteAuth
  /** For the host of a provider: tools that the provider runs and that requests there may ask for. Absent: none. */
  readonly providerTools?: readonly string[]
  /** For the host of a provider: `false` answers WebSocket upgrades with 426. */
  readonly webSocket?: boolean
}
