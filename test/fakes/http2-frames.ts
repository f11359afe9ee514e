/**
 * HTTP/2 frames by hand (RFC 9113 §4 and §6), for what no library would send, and to see what comes back. Field sections are
 * written as literals without a table (RFC 7541 §6.2.2), which every decoder takes.
 */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { anthropicHost, dial, metered } from './proxy-client.ts'
import type { ProxyRig } from './proxy-rig.ts'
import { until } from './until.ts'

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const
export const flags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const
export const errorCodes = {
  none: 0,
  protocol: 1,
  flowControl: 3,
  streamClosed: 5,
  refused: 7,
  cancel: 8,
  calm: 11,
} as const

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(type: number, { flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Frame> = {}): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export type Fields = readonly (readonly [name: string, value: string])[]

export function fieldSection(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))
}

/** A string of HPACK, not Huffman-coded: an integer with a prefix of seven bits, then the bytes. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const length: number[] = []
  let rest = bytes.length - 127
  if (rest < 0) length.push(bytes.length)
  else {
    length.push(127)
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128)
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

export const requestFields: Fields = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', anthropicHost],
  [':path', '/v1/messages'],
  ['content-type', 'application/json'],
]

export const getFields: Fields = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', anthropicHost],
  [':path', '/v1/models'],
]

export function headersFrame(stream: number, fields: Fields, isLast = true): Buffer {
  const end = isLast ? flags.endStream : 0
  return frame(frameTypes.headers, { stream, flags: flags.endHeaders | end, payload: fieldSection(fields) })
}

export function dataFrame(stream: number, data: string | Buffer, isLast = true): Buffer {
  return frame(frameTypes.data, { stream, flags: isLast ? flags.endStream : 0, payload: Buffer.from(data) })
}

export function resetFrame(stream: number, code: number = errorCodes.cancel): Buffer {
  return frame(frameTypes.rstStream, { stream, payload: uint32(code) })
}

/** A whole metered request. */
export function meteredRequest(stream: number, body = metered()): Buffer {
  return Buffer.concat([headersFrame(stream, requestFields, false), dataFrame(stream, body)])
}

/** The frames that arrive, as they do; `prefaceBytes` stand before them. */
export function collectFrames(socket: Duplex, prefaceBytes = 0): readonly Frame[] {
  const frames: Frame[] = []
  let unread = Buffer.alloc(0)
  let unreadPreface = prefaceBytes
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk])
    const skipped = Math.min(unreadPreface, unread.length)
    unreadPreface -= skipped
    unread = unread.subarray(skipped)
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const end = 9 + unread.readUIntBE(0, 3)
      frames.push({
        type: unread.readUInt8(3),
        flags: unread.readUInt8(4),
        stream: unread.readUInt32BE(5),
        payload: unread.subarray(9, end),
      })
      unread = unread.subarray(end)
    }
  })
  return frames
}

export interface RawHttp2 {
  readonly socket: TLSSocket
  /** What came back so far. */
  readonly frames: readonly Frame[]
  /** What came back on a stream as data. */
  textOf(stream: number): string
  /** The code that a stream was reset with. */
  resetOf(stream: number): number | undefined
  /** The code of the last GOAWAY. */
  readonly goawayCode: number | undefined
  readonly isClosed: boolean
  send(...frames: readonly Buffer[]): void
  /** Waits until a stream was answered to its end, or reset. */
  ended(stream: number): Promise<void>
  closed(): Promise<void>
}

/** TLS with ALPN h2, the preface and empty settings; what comes back is collected, settings and pings are not acknowledged. */
export async function dialHttp2(rig: ProxyRig, servername: string = anthropicHost): Promise<RawHttp2> {
  const socket = connectTls({
    socket: await dial(rig.ports.tls),
    servername,
    ca: rig.caCertificate,
    ALPNProtocols: ['h2'],
  })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  let isClosed = false
  socket.once('close', () => {
    isClosed = true
  })
  socket.on('end', () => socket.end())
  const frames = collectFrames(socket)
  const lastOf = (type: number, stream: number) => frames.findLast((one) => one.type === type && one.stream === stream)
  const raw: RawHttp2 = {
    socket,
    frames,
    textOf: (stream) =>
      frames
        .filter((one) => one.type === frameTypes.data && one.stream === stream)
        .map(({ payload }) => payload.toString())
        .join(''),
    resetOf: (stream) => lastOf(frameTypes.rstStream, stream)?.payload.readUInt32BE(0),
    get goawayCode() {
      return lastOf(frameTypes.goaway, 0)?.payload.readUInt32BE(4)
    },
    get isClosed() {
      return isClosed
    },
    send: (...bytes) => void socket.write(Buffer.concat(bytes)),
    ended: (stream) =>
      until(`stream ${stream} ends`, () => {
        const isReset = raw.resetOf(stream) !== undefined
        return isReset || frames.some((one) => one.stream === stream && one.type < 2 && (one.flags & 1) !== 0)
      }),
    closed: () => until('the session is closed', () => isClosed),
  }
  raw.send(preface, frame(frameTypes.settings))
  return raw
}
