import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { javaTrustStore } from './java-trust-store.ts'

/** Walks DER: tag, content. */
function read(bytes: Buffer): readonly (readonly [tag: number, content: Buffer])[] {
  const values: [number, Buffer][] = []
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt8(at + 1)
    const more = short < 0x80 ? 0 : short & 0x7f
    const length = more === 0 ? short : bytes.readUIntBE(at + 2, more)
    const start = at + 2 + more
    values.push([bytes.readUInt8(at), bytes.subarray(start, start + length)])
    at = start + length
  }
  return values
}

const inside = (bytes: Buffer, ...way: readonly number[]): Buffer =>
  way.reduce((content, index) => read(content)[index]?.[1] ?? expect.fail('nothing there'), bytes)

test.each([0, 1, 3, rootCertificates.length])(
  '%s certificates are in it, whole and in order, each marked as trusted',
  (count) => {
    const roots = rootCertificates.slice(0, count)
    const store = javaTrustStore(`# comments between\n${roots.join('\n# more\n')}\n`)
    // PFX → authSafe → data → octets → SafeContents' ContentInfo → data → octets → bags
    const bags = read(inside(store, 0, 1, 1, 0, 0, 0, 1, 0, 0))
    expect(bags).toHaveLength(count)
    for (const [index, [, bag]] of bags.entries()) {
      const certificate = new X509Certificate(inside(bag, 1, 0, 1, 0))
      expect(certificate.fingerprint256).toBe(new X509Certificate(roots[index] ?? '').fingerprint256)
      const attributes = read(inside(bag, 2)).map(([, attribute]) => inside(attribute, 0).toString('hex'))
      expect(attributes).toEqual(['2a864886f70d010914', '6086480186f966adca7b0101'])
    }
  },
)
