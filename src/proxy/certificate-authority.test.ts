import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { connect as connectTls, type PeerCertificate, type SecureContext, TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { createCertificateAuthority, openCertificateAuthority } from './certificate-authority.ts'

const dayMs = 24 * 60 * 60 * 1000

/** The certificate that a client sees, having verified it for the name. */
async function shown(context: SecureContext, { ca, name }: { readonly ca: string; readonly name: string }) {
  const server = createServer((socket) => {
    const tls = new TLSSocket(socket, { isServer: true, secureContext: context })
    tls.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    const tls = connectTls({ socket, servername: name, ca })
    await once(tls, 'secureConnect')
    return tls.getPeerCertificate(true) as PeerCertificate
  } finally {
    socket.destroy()
    server.close()
    await once(server, 'close')
  }
}

describe('the certificate authority of a bottle', () => {
  it('shows a leaf that verifies for the name asked for, and for no other', async () => {
    const authority = await createCertificateAuthority({ subject: 'a-1', nowMs: Date.now, maxLeaves: 4 })
    const context = await authority.contextFor('api.test')
    const ca = authority.certificate
    const leaf = await shown(context, { ca, name: 'api.test' })
    expect(leaf.subjectaltname).toBe('DNS:api.test')
    await expect(shown(context, { ca, name: 'other.test' })).rejects.toThrow(/altnames/)
  })

  it('is not trusted by another bottle', async () => {
    const [own, other] = await Promise.all(
      ['a-1', 'a-2'].map((subject) => createCertificateAuthority({ subject, nowMs: Date.now, maxLeaves: 4 })),
    )
    const context = (await own?.contextFor('api.test')) as SecureContext
    await expect(shown(context, { ca: other?.certificate ?? '', name: 'api.test' })).rejects.toThrow(/certificate/)
  })

  it('lives a year, its leaves at most seven days', async () => {
    const authority = await createCertificateAuthority({ subject: 'a-1', nowMs: Date.now, maxLeaves: 4 })
    const ca = new X509Certificate(authority.certificate)
    expect(ca.ca).toBe(true)
    expect(ca.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(365 * dayMs)
    const { valid_from, valid_to, ext_key_usage } = await shown(await authority.contextFor('api.test'), {
      ca: authority.certificate,
      name: 'api.test',
    })
    expect(Date.parse(valid_to) - Date.parse(valid_from)).toBeLessThanOrEqual(7 * dayMs)
    expect(ext_key_usage).toEqual(['1.3.6.1.5.5.7.3.1'])
  })

  it('is the same for another controller that has its keys', async () => {
    const { certificate, privateKey } = await createCertificateAuthority({
      subject: 'a-1',
      nowMs: Date.now,
      maxLeaves: 4,
    })
    const again = await openCertificateAuthority({ certificate, privateKey }, { nowMs: Date.now, maxLeaves: 4 })
    const leaf = await shown(await again.contextFor('api.test'), { ca: certificate, name: 'api.test' })
    expect(leaf.subjectaltname).toBe('DNS:api.test')
  })

  it('shows a leaf for a name of the greatest length', async () => {
    const authority = await createCertificateAuthority({ subject: 'a-1', nowMs: Date.now, maxLeaves: 4 })
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(59)}.t`
    const leaf = await shown(await authority.contextFor(name), { ca: authority.certificate, name })
    expect(leaf.subjectaltname).toBe(`DNS:${name}`)
  })

  it('makes no leaf that nobody waits for when its turn comes, and that of a name that somebody still wants', async () => {
    const authority = await createCertificateAuthority({ subject: 'a-1', nowMs: Date.now, maxLeaves: 4 })
    const gone = authority.contextFor('gone.test', () => false)
    const shared = authority.contextFor('shared.test', () => false)
    expect(authority.contextFor('shared.test', () => true)).toBe(shared)
    await expect(gone).rejects.toThrow('nobody waits')
    const leaf = await shown(await shared, { ca: authority.certificate, name: 'shared.test' })
    expect(leaf.subjectaltname).toBe('DNS:shared.test')
    await expect(authority.contextFor('gone.test')).resolves.toBeDefined()
  })

  it('makes the context of a name once, forgets the one not used for longest, and renews before the leaf ends', async () => {
    let nowMs = Date.now()
    const authority = await createCertificateAuthority({ subject: 'a-1', nowMs: () => nowMs, maxLeaves: 2 })
    const first = authority.contextFor('a.test')
    expect(authority.contextFor('a.test')).toBe(first)
    const second = authority.contextFor('b.test')
    expect(authority.contextFor('a.test')).toBe(first)
    await authority.contextFor('c.test')
    expect(authority.contextFor('a.test')).toBe(first)
    expect(authority.contextFor('b.test')).not.toBe(second)
    nowMs += 4 * dayMs
    expect(authority.contextFor('a.test')).not.toBe(first)
  })
})
