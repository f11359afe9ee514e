/**
 * Content codings (RFC 9110 §8.4, §12.5.3): which ones are decoded here, and which ones a provider may be asked for. Asked
 * for is never more than what the client offered: it must read the bytes as they come.
 */
export type ContentCoding = 'gzip' | 'deflate' | 'br' | 'zstd'

/** For those who are told what works. */
export const knownCodings: readonly ContentCoding[] = ['gzip', 'deflate', 'br', 'zstd']

const maxCodings = 4

/** The codings of Content-Encoding fields in the order they were applied; `undefined` where one of them is not known. */
export function readCodings(fields: readonly string[]): readonly ContentCoding[] | undefined {
  const names = items(fields).filter((name) => name !== 'identity')
  const codings = names.map(codingOf).filter((coding) => coding !== undefined)
  return codings.length === names.length && codings.length <= maxCodings ? codings : undefined
}

/**
 * What a metered host is asked for, given the client's Accept-Encoding fields: what the client offered and we decode, with its
 * preferences. `prefersNone`: no coding, where the client accepts that.
 */
export function narrowedAcceptEncoding(
  fields: readonly string[],
  { prefersNone }: { readonly prefersNone: boolean },
): string {
  const offers = items(fields).map(readOffer)
  const wanted = offers.filter(({ name, weight }) => codingOf(name) !== undefined && weight > 0)
  // Without coding is accepted unless the client says otherwise, by name or with all that it does not name.
  const identity = offers.find(({ name }) => name === 'identity') ?? offers.find(({ name }) => name === '*')
  if (wanted.length === 0 || (prefersNone && identity?.weight !== 0)) return 'identity'
  return [...wanted.map(({ text }) => text), ...(identity ? [`identity;q=${identity.weight}`] : [])].join(', ')
}

interface Offer {
  readonly name: string
  /** 0 where it cannot be read: an offer that is in doubt is none. */
  readonly weight: number
  readonly text: string
}

function readOffer(text: string): Offer {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim())
  if (parameters.length === 0) return { name, weight: 1, text }
  const weight = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(parameters.join(';'))?.[1]
  return { name, weight: Number(weight ?? 0), text }
}

function codingOf(name: string): ContentCoding | undefined {
  return knownCodings.find((known) => known === name.replace(/^x-(?=gzip$)/, ''))
}

function items(fields: readonly string[]): readonly string[] {
  return fields
    .flatMap((field) => field.split(','))
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '')
}
