/** Where budgets are kept that hosts share: the URL of a PostgreSQL database, and where its password is. */
import { readSecretSource } from '../routing/secret-source.ts'
import { key, mapping, requiredKey } from './collection-notations.ts'
import type { Notation } from './notation.ts'
import { text } from './scalar-notations.ts'

export interface SharedLedger {
  readonly url: string
  /** `env:NAME`, `file:PATH`, `keyring:…` or `command:…`; `null`: in the URL, in PGPASSWORD or PGPASSFILE, or none is needed. */
  readonly password: string | null
}

/** What is written is never shown: it may have a password in it. */
const url = text({
  expected: 'the URL of a PostgreSQL database such as postgres://USER@HOST/DATABASE',
  isHidden: true,
  fault(written) {
    if (!/^postgres(?:ql)?:\/\//.test(written))
      return 'names no PostgreSQL database; write postgres://USER@HOST/DATABASE'
    if (!URL.canParse(written)) return 'is no URL; write postgres://USER@HOST/DATABASE'
    const { pathname, hash } = new URL(written)
    if (!/^\/[^/]+$/.test(pathname)) return 'names no database; write postgres://USER@HOST/DATABASE'
    return hash === '' ? undefined : 'has a "#"; in a password write %23'
  },
  schema: { pattern: '^postgres(ql)?://' },
})

/** Where a secret of the controller is, which is no child of the user's shell: it is given few variables. */
export const hostSecret = text({
  expected: 'where it is: env:NAME, file:PATH, keyring:SERVICE or command:…',
  isHidden: true,
  fault(written) {
    const source = readSecretSource(written)
    if (source.kind === 'invalid') return source.why
    if (source.kind !== 'env' || /^(?:PG|BOT_BOTTLE_)/.test(source.name)) return undefined
    return 'names a variable that the controller is not given; write env:PGPASSWORD or env:BOT_BOTTLE_…'
  },
  schema: { pattern: '^(env|file|keyring|command):.' },
})

export const ledgerKeys = {
  url: requiredKey('postgres://USER@HOST[:PORT]/DATABASE.', url),
  password: key('Where the password is, if it is not in the URL: env:, file:, keyring: or command:.', hostSecret),
}

const whole = mapping(ledgerKeys)

export const sharedLedger: Notation<SharedLedger> = {
  read(node, reading) {
    if (node.kind === 'mapping') {
      const read = whole.read(node, reading)
      return read && { url: read.url, password: read.password ?? null }
    }
    const written = url.read(node, reading)
    return written === undefined ? undefined : { url: written, password: null }
  },
  print: (ledger) =>
    ledger.password === null ? ledger.url : whole.print({ url: ledger.url, password: ledger.password }),
  schema: { anyOf: [url.schema, whole.schema] },
}
