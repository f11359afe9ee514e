/** Bodies as servers code them. */
import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  type InputType,
  zstdCompressSync,
} from 'node:zlib'

/** Each coding by the way it is written, with the field that announces it. */
export const codings: Readonly<Record<string, { readonly field: string; code(body: InputType): Buffer }>> = {
  gzip: { field: 'gzip', code: (body) => gzipSync(body) },
  'gzip stored': { field: 'x-gzip', code: (body) => gzipSync(body, { level: 0 }) },
  'gzip with every field in its head': { field: 'gzip', code: (body) => withGzipFields(gzipSync(body)) },
  'gzip in members': { field: 'gzip', code: (body) => inMembers(body, gzipSync) },
  deflate: { field: 'deflate', code: (body) => deflateSync(body) },
  'raw deflate': { field: 'deflate', code: (body) => deflateRawSync(body) },
  br: { field: 'br', code: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }) },
  zstd: { field: 'zstd', code: (body) => zstdCompressSync(body) },
  'zstd in frames': { field: 'zstd', code: (body) => inMembers(body, zstdCompressSync) },
  'gzip, then br': { field: 'gzip, br', code: (body) => brotliCompressSync(gzipSync(body)) },
}

/** Halves of their own, with an empty one between them. */
function inMembers(body: InputType, code: (part: InputType) => Buffer): Buffer {
  const bytes = Buffer.from(body as Uint8Array)
  const half = bytes.length >> 1
  return Buffer.concat([bytes.subarray(0, half), Buffer.alloc(0), bytes.subarray(half)].map(code))
}

/** RFC 1952 §2.3: extra field, name, comment and a checksum of the head. */
function withGzipFields(plain: Buffer): Buffer {
  const head = Buffer.from(plain.subarray(0, 10))
  head.writeUInt8(0x02 | 0x04 | 0x08 | 0x10, 3)
  return Buffer.concat([head, Buffer.from('\x03\x00abcname\0comment\0\x12\x34', 'latin1'), plain.subarray(10)])
}
