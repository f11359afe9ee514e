/** What routes and providers both say: hosts, methods, paths, and where a credential is. */
import { canonicalHost } from '../routing/canonical-host.ts'
import { ownHost } from '../routing/own-host.ts'
import { pathPatternFault } from '../routing/path-pattern.ts'
import { readSecretSource } from '../routing/secret-source.ts'
import { oneOrMany } from './collection-notations.ts'
import type { Notation } from './notation.ts'
import { oneOf, text } from './scalar-notations.ts'

/** What Node's parser lets through and a route may name. CONNECT and TRACE never pass. */
const methods = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'ACL', 'BIND', 'CHECKOUT', 'COPY', 'LINK'],
  ...['LOCK', 'M-SEARCH', 'MERGE', 'MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MOVE', 'NOTIFY', 'PROPFIND', 'PROPPATCH'],
  ...['PURGE', 'REBIND', 'REPORT', 'SEARCH', 'SOURCE', 'SUBSCRIBE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
]

export const method = text({
  expected: 'a method such as GET',
  fault(written) {
    if (methods.includes(written)) return undefined
    const upper = written.toUpperCase()
    return methods.includes(upper) ? `is no method; write ${upper}` : 'is no method that passes; write e.g. GET or POST'
  },
  schema: { enum: methods },
})

export const anyMethod: Notation<string> = {
  ...method,
  read: (node, reading) => (node.kind === 'scalar' && node.text === '*' ? '*' : method.read(node, reading)),
  schema: { enum: ['*', ...methods] },
}

export const pathPattern = text({
  expected: 'a path such as /repos/**',
  fault: pathPatternFault,
  schema: { pattern: '^/' },
})

/** One name, in its canonical spelling. */
export const hostName = text({ expected: 'a host name such as api.example.com', fault: hostNameFault })

function hostNameFault(written: string): string | undefined {
  const host = canonicalHost(written)
  if (host.kind === 'address') return 'is an address; only names can be reached'
  if (host.kind === 'invalid') return `is no host name: ${host.why}`
  if (host.name === ownHost) return 'is the bottle itself, which no provider is'
  return host.name === written ? undefined : `is no canonical name; write ${host.name}`
}

/** The value itself is never shown: somebody may have written the credential in its place. */
export const secret = text({
  expected: 'where the credential is: env:NAME, file:PATH, keyring:SERVICE or command:…',
  isHidden: true,
  fault(written) {
    const source = readSecretSource(written)
    return source.kind === 'invalid' ? source.why : undefined
  },
  schema: { pattern: '^(env|file|keyring|command):.' },
})

const maxSources = 8

export const secrets = oneOrMany(secret, { of: 'places of a credential', minItems: 1, maxItems: maxSources })

export const headerName = text({ expected: 'the name of a header', fault: headerNameFault })

/** As the end of a sentence about the name. */
export function headerNameFault(written: string): string | undefined {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(written)) return 'is no name of a header'
  return unfitHeaders.has(written.toLowerCase()) ? 'is a header that cannot carry a credential' : undefined
}

/** They frame the message, or say where it goes. */
const unfitHeaders = new Set([
  ...['accept-encoding', 'connection', 'content-encoding', 'content-length', 'expect', 'host', 'keep-alive'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])

export const parameterName = text({
  expected: 'the name of a parameter',
  fault: (written) => (/^[A-Za-z0-9._~-]{1,100}$/.test(written) ? undefined : 'is no name of a parameter of a query'),
})

export const authSchemes = oneOf(['bearer', 'x-api-key', 'basic', 'header', 'query'])
export const providerSchemes = oneOf(['bearer', 'x-api-key', 'header'])

const maxWords = 64

/** A program and its arguments. */
export function commandOf(what: string): Notation<readonly [string, ...string[]]> {
  const words = oneOrMany(text({ expected: what, mayBeEmpty: true, fault: wordFault }), {
    of: 'words',
    minItems: 1,
    maxItems: maxWords,
  })
  return {
    ...words,
    read(node, reading) {
      if (node.kind === 'scalar' && /\s/.test(node.text.trim())) {
        reading.report(
          node,
          `${reading.path}: found one text with spaces; write its words as a list: ${asList(node.text)}`,
        )
        return undefined
      }
      const [first, ...rest] = words.read(node, reading) ?? []
      if (first === undefined) return undefined
      if (first !== '') return [first, ...rest]
      reading.report(node, `${reading.path}: the program's name is empty`)
      return undefined
    },
  }
}

function wordFault(word: string): string | undefined {
  return word.includes('\0') ? 'has a NUL character, which no argument can hold' : undefined
}

function asList(command: string): string {
  return `[${command.trim().split(/\s+/).join(', ')}]`
}
