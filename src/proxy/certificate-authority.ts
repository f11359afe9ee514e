/**
 * One certificate authority per bottle and the leaves that its listener shows. The key is for the controller alone, and for the
 * next one that takes the bottle up.
 * Leaves share one key; a SecureContext is made once per name (RFC 5280 §4.2: SAN, serverAuth, AKI and SKI).
 */
import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
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
  /** The context with the leaf of a canonical name. */
  contextFor(name: string): Promise<SecureContext>
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
  const contexts = new Map<string, { readonly context: Promise<SecureContext>; readonly staleAtMs: number }>()

  const issue = async (name: string): Promise<SecureContext> => {
    const leaf = await issueLeaf(name, { authority, signingKey, leafKeys, nowMs: nowMs() })
    return createSecureContext({ key: leafKeyPem, cert: `${leaf.toString('pem')}\n${keys.certificate}` })
  }

  return {
    ...keys,
    contextFor(name) {
      const known = contexts.get(name)
      contexts.delete(name)
      const entry =
        known && known.staleAtMs > nowMs() ? known : { context: issue(name), staleAtMs: nowMs() + leafLifeMs / 2 }
      contexts.set(name, entry)
      const [oldest] = contexts.keys()
      if (contexts.size > maxLeaves && oldest !== undefined) contexts.delete(oldest)
      return entry.context
    },
  }
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
