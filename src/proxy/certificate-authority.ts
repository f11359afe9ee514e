/**
 * One certificate authority per bottle and the leaves that its listener shows. The key is for the controller alone, and for the
 * next one that takes the bottle up.
 * Leaves share one key; a SecureContext is made once per name (RFC 5280 §4.2: SAN, serverAuth, AKI and SKI).
 */
import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 24 * 60 * 60 * 1000
const authorityLifeMs = 365 * dayMs
const leafLifeMs = 7 * dayMs
/** Clocks inside differ little from ours, but some programs refuse a certificate of this very second. */
const backdatedMs = 60 * 60 * 1000

/** What makes it the same authority for another controller. PEM. */
export interface AuthorityKeys {
  readonly certificate: string
  readonly privateKey: string
}

export interface CertificateAuthority extends AuthorityKeys {
  /** The context with the leaf of a canonical name. Rejects where it has to be made and, when its turn comes, nobody wants it. */
  contextFor(name: string, isWanted?: () => boolean): Promise<SecureContext>
}

export interface AuthorityOptions {
  readonly nowMs: () => number
  readonly maxLeaves: number
}

export async function createCertificateAuthority({
  subject,
  ...options
}: AuthorityOptions & { readonly subject: string }): Promise<CertificateAuthority> {
  const { nowMs } = options
  const authorityKeys = await generateKeys()
  const authority = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=bot-bottle ${subject}`,
    notBefore: new Date(nowMs() - backdatedMs),
    notAfter: new Date(nowMs() + authorityLifeMs),
    signingAlgorithm: keyAlgorithm,
    keys: authorityKeys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  })
  const keys = { certificate: authority.toString('pem'), privateKey: await privateKeyPem(authorityKeys.privateKey) }
  return openCertificateAuthority(keys, options)
}

/** The authority of these keys. Throws a plain error for what are none. */
export async function openCertificateAuthority(
  keys: AuthorityKeys,
  { nowMs, maxLeaves }: AuthorityOptions,
): Promise<CertificateAuthority> {
  const authority = new X509Certificate(keys.certificate)
  const signingKey = createPrivateKey(keys.privateKey).toCryptoKey(keyAlgorithm, false, ['sign'])
  const leafKeys = await generateKeys()
  const leafKeyPem = await privateKeyPem(leafKeys.privateKey)
  const leaves = new Map<string, Leaf>()
  /** Of the leaf before. One is made at a time: a bottle that asks for ever new names waits itself, others hardly do (H13). */
  let made: Promise<unknown> = Promise.resolve()

  const issue = async (name: string): Promise<SecureContext> => {
    const leaf = await issueLeaf(name, { authority, signingKey, leafKeys, nowMs: nowMs() })
    return createSecureContext({ key: leafKeyPem, cert: `${leaf.toString('pem')}\n${keys.certificate}` })
  }
  const openLeaf = (name: string): Leaf => {
    let asking: (() => boolean)[] | undefined = []
    const context = made.then(async () => {
      await setImmediate()
      const isWanted = asking?.some((isStillWanted) => isStillWanted())
      asking = undefined
      if (isWanted) return issue(name)
      if (leaves.get(name) === leaf) leaves.delete(name)
      throw new Error('nobody waits for this certificate any more')
    })
    made = context.catch(() => {})
    const leaf = {
      context,
      staleAtMs: nowMs() + leafLifeMs / 2,
      ask: (isWanted: () => boolean) => asking?.push(isWanted),
    }
    return leaf
  }

  return {
    ...keys,
    contextFor(name, isWanted = () => true) {
      const known = leaves.get(name)
      leaves.delete(name)
      const leaf = known && known.staleAtMs > nowMs() ? known : openLeaf(name)
      leaf.ask(isWanted)
      leaves.set(name, leaf)
      const [oldest] = leaves.keys()
      if (leaves.size > maxLeaves && oldest !== undefined) leaves.delete(oldest)
      return leaf.context
    },
  }
}

interface Leaf {
  readonly context: Promise<SecureContext>
  readonly staleAtMs: number
  /** Says that somebody waits for it; of no effect once it is being made. */
  ask(isWanted: () => boolean): void
}

interface LeafMaterial {
  readonly authority: X509Certificate
  readonly signingKey: webcrypto.CryptoKey
  readonly leafKeys: webcrypto.CryptoKeyPair
  readonly nowMs: number
}

async function issueLeaf(name: string, { authority, signingKey, leafKeys, nowMs }: LeafMaterial) {
  return X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // A common name has at most 64 characters (RFC 5280 appendix A); the name that counts is the SAN.
    subject: `CN=${name.slice(0, 64)}`,
    issuer: authority.subject,
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + leafLifeMs - backdatedMs),
    signingAlgorithm: keyAlgorithm,
    publicKey: leafKeys.publicKey,
    signingKey,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await AuthorityKeyIdentifierExtension.create(await authority.publicKey.export()),
      await SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
    ],
  })
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`
}

/** 128 random bits, the first bit clear so that the number is positive. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0)
  return bytes.toString('hex')
}
