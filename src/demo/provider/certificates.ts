/**
 * Certificates for simulated upstreams: a throw-away CA, and a leaf signed by it. The CA's key is dropped as soon as the
 * leaf is signed, so nothing else can ever be signed with it.
 */
import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** PEM, all of them. */
export interface ServerCertificate {
  readonly certificate: string
  readonly key: string
  readonly caCertificate: string
}

export interface ServerCertificateOptions {
  /** DNS names and IP addresses. */
  readonly names: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}

const DAY_MS = 24 * 60 * 60 * 1000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export async function createServerCertificate({
  names,
  // An hour early, for a clock that runs behind ours.
  notBefore = new Date(Date.now() - DAY_MS / 24),
  notAfter = new Date(notBefore.getTime() + 6 * DAY_MS),
}: ServerCertificateOptions): Promise<ServerCertificate> {
  const caKeys = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const leafKeys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Simulated provider throw-away CA',
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    keys: caKeys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  })
  const leaf = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Simulated provider',
    issuer: ca.subject,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    publicKey: leafKeys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      await AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
      await SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
    ],
  })
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', leafKeys.privateKey)
  return {
    certificate: `${leaf.toString('pem')}\n`,
    key: `${PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
    caCertificate: `${ca.toString('pem')}\n`,
  }
}

/** 16 random bytes; the first bit is kept 0 because serial numbers are signed. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return bytes.toString('hex')
}
