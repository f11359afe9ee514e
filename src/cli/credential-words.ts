/** What the proxy adds to a request, by where the host keeps it: `bearer from env:GITHUB_TOKEN`. Never the secret itself. */
import type { Provider } from '../core/provider/provider.ts'
import type { AuthScheme, Route } from '../core/routing/route.ts'

export function providerCredential({ credential }: Pick<Provider, 'credential'>): string {
  return `${schemeInWords(credential.scheme)} from ${credential.sources.join(' or ')}`
}

export function routeCredential({ auth }: Route): string | null {
  return auth ? `${schemeInWords(auth.scheme)} from ${auth.secret}` : null
}

function schemeInWords(scheme: AuthScheme): string {
  switch (scheme.kind) {
    case 'header':
      return scheme.name
    case 'query':
      return `?${scheme.name}=`
    default:
      return scheme.kind
  }
}
