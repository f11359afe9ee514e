/**
 * Which hosts a route is about: one name, or `*.SUFFIX` for every name below it, never the suffix itself.
 * Safety: below a suffix where anybody can get a name, a wildcard would open a way to whoever wants what the bottle holds.
 * Such suffixes are refused as far as they are known here; the whole list (publicsuffix.org) changes weekly.
 */
import { canonicalHost } from './canonical-host.ts'
import { ownHost } from './own-host.ts'

/** Both canonical. */
export function matchesHost(pattern: string, host: string): boolean {
  return isWildcard(pattern) ? host.endsWith(pattern.slice(1)) : host === pattern
}

export function isWildcard(pattern: string): boolean {
  return pattern.startsWith('*.')
}

/** Why a text is no pattern, as the end of a sentence that begins with it. */
export function hostPatternFault(pattern: string): string | undefined {
  const name = isWildcard(pattern) ? pattern.slice(2) : pattern
  if (name.includes('*')) return 'has a * elsewhere than as the whole first label'
  const host = canonicalHost(name)
  if (host.kind === 'address') return 'is an address; only names can be reached'
  if (host.kind === 'invalid') return `is no host name: ${host.why}`
  if (name === ownHost) return 'is the bottle itself, which needs no route'
  if (host.name !== name) return `is no canonical name; write ${isWildcard(pattern) ? '*.' : ''}${host.name}`
  if (isWildcard(pattern) && isOpenSuffix(name)) return 'is too wide: anybody can get a name below that suffix'
  return undefined
}

const registryLabels = new Set([
  'ac',
  'co',
  'com',
  'edu',
  'gov',
  'gob',
  'gouv',
  'ltd',
  'mil',
  'ne',
  'net',
  'nom',
  'or',
  'org',
  'sch',
])
/** Of hosting and tunnels: names below them are free for anybody. */
const openSuffixes = new Set([
  'amazonaws.com',
  'appspot.com',
  'azurewebsites.net',
  'blob.core.windows.net',
  'cloudapp.azure.com',
  'cloudflareaccess.com',
  'cloudfront.net',
  'codeberg.page',
  'deno.dev',
  'firebaseapp.com',
  'fly.dev',
  'github.io',
  'githubpreview.dev',
  'gitlab.io',
  'herokuapp.com',
  'hf.space',
  'loca.lt',
  'netlify.app',
  'ngrok-free.app',
  'ngrok.app',
  'ngrok.io',
  'nip.io',
  'onrender.com',
  'pages.dev',
  'railway.app',
  'run.app',
  'replit.app',
  'sslip.io',
  'surge.sh',
  'trycloudflare.com',
  'ts.net',
  'vercel.app',
  'web.app',
  'workers.dev',
])

function isOpenSuffix(suffix: string): boolean {
  const labels = suffix.split('.')
  const [first = '', last = ''] = [labels[0], labels.at(-1)]
  if (labels.length === 1) return true
  if (labels.length === 2 && last.length === 2 && registryLabels.has(first)) return true
  return openSuffixes.has(suffix) || suffix.endsWith('.amazonaws.com')
}
