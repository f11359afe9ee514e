/** What the proxy adds to a request, by where the host keeps it: `bearer from env:GITHUB_TOKEN`. Never the secret itself. */
import type { LoginName } from '../core/provider/login.ts'
import { loginFormats } from '../core/provider/logins.ts'
import type { Provider, ProviderCredential } from '../core/provider/provider.ts'
import type { AuthScheme, Route } from '../core/routing/route.ts'

export function providerCredential({
  credential,
  otherSignIns = [],
}: Pick<Provider, 'credential' | 'otherSignIns'>): string {
  return [credential, ...otherSignIns.map((signIn) => signIn.credential)].map(credentialInWords).join(', else ')
}

function credentialInWords({ scheme, sources, login }: ProviderCredential): string {
  const places = login ? [loginInWords(login)] : sources
  return `${schemeInWords(scheme)} from ${places.join(' or ')}`
}

function loginInWords(name: LoginName): string {
  const { directory, file } = loginFormats[name].place
  return `~/${directory}/${file}`
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
