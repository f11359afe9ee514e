/** `upstream_proxy` and `no_proxy`: the company's HTTP proxy, and what is reached without it. */
import { readDirectRule } from '../routing/direct-rule.ts'
import { readSecretSource } from '../routing/secret-source.ts'
import { key, list, mapping, requiredKey } from './collection-notations.ts'
import { type Notation, wrong } from './notation.ts'
import { text } from './scalar-notations.ts'

export interface UpstreamProxy {
  /** `http:` or `https:`, nothing but host and port. */
  readonly url: URL
  /** Where the host keeps USER:PASSWORD; `null`: it asks for none. */
  readonly credential: string | null
}

const example = 'http://proxy.example.com:3128'

/** What is written is never shown: it may have a password in it. */
const url: Notation<URL> = {
  read(node, reading) {
    const found = node.kind === 'scalar' && URL.canParse(node.text) ? new URL(node.text) : undefined
    if (!found || !/^https?:$/.test(found.protocol)) {
      return wrong(node, reading, `expected the URL of an HTTP proxy such as ${example}`)
    }
    if (found.username !== '' || found.password !== '') {
      return wrong(
        node,
        reading,
        `the user and the password do not belong here; write {url: "${found.origin}", credential: "file:PATH"}`,
      )
    }
    if (found.href !== `${found.origin}/`)
      return wrong(node, reading, `expected nothing but host and port, as in ${example}`)
    return found
  },
  print: ({ origin }) => origin,
  schema: { type: 'string', pattern: '^https?://[^/?#@]+/?$' },
}

/** The controller is no child of the user's shell: it is given few variables. */
const credential = text({
  expected: 'where USER:PASSWORD is kept: env:NAME, file:PATH, keyring:SERVICE or command:…',
  isHidden: true,
  fault(written) {
    const source = readSecretSource(written)
    if (source.kind === 'invalid') return source.why
    if (source.kind !== 'env' || /^BOT_BOTTLE_[A-Z_]+$/.test(source.name)) return undefined
    return 'names a variable that the controller is not given; write e.g. env:BOT_BOTTLE_PROXY'
  },
  schema: { pattern: '^(env|file|keyring|command):.' },
})

export const upstreamProxyKeys = {
  url: requiredKey('http://HOST[:PORT] or https://HOST[:PORT].', url),
  credential: key(
    'Where USER:PASSWORD is kept: env:, file:, keyring: or command:. Default: it asks for none.',
    credential,
  ),
}

const whole = mapping(upstreamProxyKeys)

export const upstreamProxy: Notation<UpstreamProxy> = {
  read(node, reading) {
    if (node.kind === 'mapping') {
      const read = whole.read(node, reading)
      return read && { url: read.url, credential: read.credential ?? null }
    }
    const written = url.read(node, reading)
    return written && { url: written, credential: null }
  },
  print: (proxy) =>
    proxy.credential === null ? url.print(proxy.url) : whole.print({ url: proxy.url, credential: proxy.credential }),
  schema: { anyOf: [url.schema, whole.schema] },
}

export const noProxy = list(
  text({
    expected: 'a host name, .SUFFIX, an address or a range such as 10.0.0.0/8',
    fault(written) {
      const rule = readDirectRule(written)
      return rule.kind === 'invalid' ? rule.why : undefined
    },
  }),
  { of: 'hosts', maxItems: 256 },
)
