/**
 * Trust roots as Java reads them: PKCS#12 (RFC 7292) without a password, without encryption and without a MAC, each certificate
 * marked as trusted by the attribute that `keytool` writes. Java 8u301 and later read such a file without being told a password.
 */

/** A DER value: its tag, its length, its content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), derLength(body.length), body])
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const digits = length.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

const sequence = (...content: readonly Buffer[]) => der(0x30, ...content)
const set = (...content: readonly Buffer[]) => der(0x31, ...content)
const octets = (content: Buffer) => der(0x04, content)
const explicit = (content: Buffer) => der(0xa0, content)
const version3 = Buffer.from([0x02, 0x01, 0x03])

/** DER, in hexadecimal digits. */
const identifiers = {
  /** 1.2.840.113549.1.7.1 */
  pkcs7Data: Buffer.from('06092a864886f70d010701', 'hex'),
  /** 1.2.840.113549.1.12.10.1.3 */
  certBag: Buffer.from('060b2a864886f70d010c0a0103', 'hex'),
  /** 1.2.840.113549.1.9.22.1 */
  x509Certificate: Buffer.from('060a2a864886f70d01091601', 'hex'),
  /** 1.2.840.113549.1.9.20 */
  friendlyName: Buffer.from('06092a864886f70d010914', 'hex'),
  /** 2.16.840.1.113894.746875.1.1, of Oracle */
  trustedKeyUsage: Buffer.from('060c6086480186f966adca7b0101', 'hex'),
  /** 2.5.29.37.0 */
  anyExtendedKeyUsage: Buffer.from('0604551d2500', 'hex'),
} as const

const certificate = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g

export function javaTrustStore(pemBundle: string): Buffer {
  const bags = [...pemBundle.matchAll(certificate)].map(([, base64 = ''], index) =>
    certificateBag(Buffer.from(base64, 'base64'), `root-${index}`),
  )
  return sequence(version3, data(sequence(data(sequence(...bags)))))
}

function data(content: Buffer): Buffer {
  return sequence(identifiers.pkcs7Data, explicit(octets(content)))
}

function certificateBag(bytes: Buffer, name: string): Buffer {
  const { certBag, x509Certificate, friendlyName, trustedKeyUsage, anyExtendedKeyUsage } = identifiers
  return sequence(
    certBag,
    explicit(sequence(x509Certificate, explicit(octets(bytes)))),
    set(
      sequence(friendlyName, set(der(0x1e, Buffer.from(name, 'utf16le').swap16()))),
      sequence(trustedKeyUsage, set(anyExtendedKeyUsage)),
    ),
  )
}
