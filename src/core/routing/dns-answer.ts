/**
 * What a bottle's name server says: every A question gets one synthetic address, every other question an empty
 * NOERROR. Nobody is ever asked, so a name carries nothing out (S03); the real host comes from SNI, Host or CONNECT.
 *
 * **Invariant** Never throws and never answers longer than `maxAnswerBytes`, whatever the packet. Format: RFC 1035 §4.
 */

/** From 198.18.0.0/15 (RFC 2544, benchmarks): routed nowhere, so it can only mean "this bottle's listeners". */
export const syntheticAddress = [198, 18, 0, 1] as const

const headerBytes = 12
const maxNameBytes = 255
const maxLabelBytes = 63
const answerRecordBytes = 16
const maxAnswerBytes = headerBytes + maxNameBytes + 4 + answerRecordBytes
/** Long enough for no cache to ask again within a program's run, short enough to be no surprise. */
const answerTtlSeconds = 60

const responseBit = 0x80
const recursionDesiredBit = 0x01
const recursionAvailableBit = 0x80
const opcodeMask = 0x78
const formatError = 1
const notImplemented = 4
const typeA = 1
const classInternet = 1

/** The response to one query packet; `undefined` where silence is right (not a query, or too short to have an id). */
export function answerDnsQuery(query: Uint8Array): Uint8Array | undefined {
  if (query.length < headerBytes || (byteAt(query, 2) & responseBit) !== 0) return undefined
  if ((byteAt(query, 2) & opcodeMask) !== 0) return responseTo(query, { rcode: notImplemented })
  const questionEnd = endOfQuestion(query)
  if (questionEnd === undefined) return responseTo(query, { rcode: formatError })
  const isAddressQuestion = wordAt(query, questionEnd - 4) === typeA && wordAt(query, questionEnd - 2) === classInternet
  return responseTo(query, { questionEnd, isAddressQuestion, rcode: 0 })
}

interface ResponseParts {
  readonly rcode: number
  /** Where the question section ends; absent: it is not repeated. */
  readonly questionEnd?: number
  readonly isAddressQuestion?: boolean
}

function responseTo(
  query: Uint8Array,
  { rcode, questionEnd = headerBytes, isAddressQuestion = false }: ResponseParts,
): Uint8Array {
  const response = new Uint8Array(questionEnd + (isAddressQuestion ? answerRecordBytes : 0))
  response.set(query.subarray(0, 2))
  response[2] = responseBit | (byteAt(query, 2) & (opcodeMask | recursionDesiredBit))
  response[3] = recursionAvailableBit | rcode
  response[5] = questionEnd > headerBytes ? 1 : 0
  response[7] = isAddressQuestion ? 1 : 0
  response.set(query.subarray(headerBytes, questionEnd), headerBytes)
  if (isAddressQuestion) response.set(addressRecord, questionEnd)
  return response
}

/** Name (a pointer to the question's), A, IN, ttl, four bytes of address. */
const addressRecord = Uint8Array.of(
  0xc0,
  headerBytes,
  0,
  typeA,
  0,
  classInternet,
  0,
  0,
  0,
  answerTtlSeconds,
  0,
  4,
  ...syntheticAddress,
)

/** The offset behind the one question, or `undefined` when there is not exactly one well-formed, uncompressed question. */
function endOfQuestion(query: Uint8Array): number | undefined {
  if (wordAt(query, 4) !== 1) return undefined
  let offset = headerBytes
  while (offset < query.length) {
    const labelBytes = byteAt(query, offset)
    if (labelBytes > maxLabelBytes) return undefined
    offset += labelBytes + 1
    if (offset - headerBytes > maxNameBytes) return undefined
    if (labelBytes === 0) return offset + 4 <= query.length ? offset + 4 : undefined
  }
  return undefined
}

/** Reading behind the end gives 0: a hostile length must not throw. */
function byteAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return byteAt(bytes, offset) * 256 + byteAt(bytes, offset + 1)
}

export const dnsLimits = { maxAnswerBytes } as const
