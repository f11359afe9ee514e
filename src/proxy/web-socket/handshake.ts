/**
 * The opening of a WebSocket: what a client must send (RFC 6455 §4.2.1), and what of it goes on. Of `Sec-WebSocket-*` nothing
 * does: each side has a handshake of its own, without compression, which the meter could not read, and without a subprotocol,
 * in which some clients hide a credential.
 */
import { headerValues, type RawHeaders } from '../heads.ts'

export interface HandshakeFault {
  readonly status: number
  readonly reason: string
}

/** 16 bytes in base64. */
const keyPattern = /^[A-Za-z0-9+/]{21}[AQgw]==$/

/** What is wrong with a request that asks for a WebSocket; `undefined` when nothing is. */
export function handshakeFault(raw: RawHeaders): HandshakeFault | undefined {
  const only = (name: string) => {
    const values = headerValues(raw, name)
    return values.length === 1 ? values[0] : undefined
  }
  const tokens = headerValues(raw, 'connection').flatMap((value) => value.split(','))
  if (only('upgrade')?.toLowerCase() !== 'websocket') return fault('the only upgrade that passes is websocket')
  if (!tokens.some((token) => token.trim().toLowerCase() === 'upgrade')) return fault('Connection does not say upgrade')
  if (!keyPattern.test(only('sec-websocket-key') ?? ''))
    return fault('the Sec-WebSocket-Key is not one key of 16 bytes')
  if (only('sec-websocket-version') !== '13') {
    return { status: 426, reason: 'the only version of WebSocket that is spoken here is 13' }
  }
  return undefined
}

/** Nor does the length of a body: it is written anew. */
export function withoutHandshake(raw: RawHeaders): string[] {
  return raw.filter((_, index) => !isHandshakeField(raw[index - (index % 2)] ?? ''))
}

function isHandshakeField(name: string): boolean {
  const key = name.toLowerCase().replaceAll('_', '-')
  return key.startsWith('sec-websocket-') || key === 'content-length'
}

function fault(reason: string): HandshakeFault {
  return { status: 400, reason }
}
