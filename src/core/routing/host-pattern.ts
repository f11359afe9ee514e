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
  'app.github.dev',
  'appspot.com',
  'awsapprunner.com',
  'azure-api.net',
  'azureedge.net',
  'azurestaticapps.net',
  'azurewebsites.net',
  'b-cdn.net',
  'backblazeb2.com',
  'beeceptor.com',
  'blob.core.windows.net',
  'blogspot.com',
  'bore.pub',
  'burpcollaborator.net',
  'cloudapp.azure.com',
  'cloudapp.net',
  'cloudflareaccess.com',
  'cloudfront.net',
  'cloudfunctions.net',
  'codeberg.page',
  'core.windows.net',
  'ddns.net',
  'deno.dev',
  'devtunnels.ms',
  'digitaloceanspaces.com',
  'duckdns.org',
  'dyndns.org',
  'edgecompute.app',
  'elasticbeanstalk.com',
  'firebaseapp.com',
  'firebaseio.com',
  'fly.dev',
  'github.dev',
  'github.io',
  'githubpreview.dev',
  'gitlab.io',
  'gitpod.io',
  'glitch.me',
  'gradio.live',
  'herokuapp.com',
  'hf.space',
  'hopto.org',
  'hosted.app',
  'interact.sh',
  'lhr.life',
  'linodeobjects.com',
  'loca.lt',
  'localhost.run',
  'm.pipedream.net',
  'modal.run',
  'netlify.app',
  'netlify.com',
  'ngrok-free.app',
  'ngrok.app',
  'ngrok.io',
  'nip.io',
  'no-ip.org',
  'now.sh',
  'oast.fun',
  'oast.live',
  'oast.online',
  'oast.pro',
  'oast.site',
  'on.aws',
  'ondigitalocean.app',
  'onrender.com',
  'pages.dev',
  'pipedream.net',
  'r2.dev',
  'railway.app',
  'repl.co',
  'replit.app',
  'replit.dev',
  'requestcatcher.com',
  'run.app',
  'serveo.net',
  'sslip.io',
  'storage.googleapis.com',
  'streamlit.app',
  'supabase.co',
  'surge.sh',
  'trafficmanager.net',
  'trycloudflare.com',
  'ts.net',
  'vercel.app',
  'web.app',
  'webhook.site',
  'wordpress.com',
  'workers.dev',
  'xip.io',
])

function isOpenSuffix(suffix: string): boolean {
  const labels = suffix.split('.')
  const [first = '', last = ''] = [labels[0], labels.at(-1)]
  if (labels.length === 1) return true
  if (labels.length === 2 && last.length === 2 && registryLabels.has(first)) return true
  return openSuffixes.has(suffix) || suffix.endsWith('.amazonaws.com')
}
