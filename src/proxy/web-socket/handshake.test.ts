import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { handshakeFault, withoutHandshake } from './handshake.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const whole = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': key,
  'Sec-WebSocket-Version': '13',
}
const raw = (fields: Readonly<Record<string, string>>) => Object.entries(fields).flat()

describe('a handshake', () => {
  it('is whole with an upgrade, a key and the version, whatever stands beside them (H15)', () => {
    expect(handshakeFault(raw(whole))).toBeUndefined()
    const other = { ...whole, Connection: 'keep-alive, uPgRaDe', Upgrade: 'WebSocket', 'Sec-WebSocket-Extensions': 'x' }
    expect(handshakeFault(raw(other))).toBeUndefined()
    for (let count = 0; count < 50; count += 1) {
      const fresh = { ...whole, 'Sec-WebSocket-Key': randomBytes(16).toString('base64') }
      expect(handshakeFault(raw(fresh))).toBeUndefined()
    }
  })

  it('is refused without any of them, and with one of them twice (H15)', () => {
    for (const name of Object.keys(whole)) {
      const { [name as keyof typeof whole]: value, ...others } = whole
      expect(handshakeFault(raw(others))).toBeDefined()
      if (name !== 'Connection') expect(handshakeFault([...raw(whole), name.toUpperCase(), value])).toBeDefined()
    }
  })

  it('is refused with a key that is not 16 bytes in base64 (H15)', () => {
    const others = fc
      .string()
      .filter((text) => Buffer.from(text, 'base64').toString('base64') !== text || text.length !== 24)
    fc.assert(
      fc.property(others, (text) => {
        expect(handshakeFault(raw({ ...whole, 'Sec-WebSocket-Key': text }))).toMatchObject({ status: 400 })
      }),
    )
  })

  it('in another version is told to come back with this one, as RFC 6455 has it (H15)', () => {
    expect(handshakeFault(raw({ ...whole, 'Sec-WebSocket-Version': '8' }))?.status).toBe(426)
  })
})

it('what goes on has none of the fields of the handshake, however they are spelled', () => {
  const kept = ['openai-beta', 'a', 'X-Sec-WebSocket-Key', 'b']
  const dropped = [
    'SEC-WEBSOCKET-KEY',
    key,
    'sec_websocket_protocol',
    'openai-insecure-api-key.x',
    'Content-Length',
    '1',
  ]
  expect(withoutHandshake([...dropped, ...kept, ...dropped])).toEqual(kept)
})
