/**
 * What is counted of a request's bytes. A tokenizer makes more tokens of a digit or a bracket than of a letter, and of a
 * letter beyond ASCII than of one within; the sum over such classes, each with its weight, comes within a few percent of
 * a real one over prose, code, JSON and other scripts (`bench/estimator.ts`).
 */
export const featureNames = [
  // Encoded content (base64, base64url, hex) is made of the first four alone.
  'lower',
  'upper',
  'digit',
  'joiner',
  'space',
  'quote',
  'backslash',
  'bracket',
  'punctuation',
  'continuationByte',
  'twoByteLead',
  'longLead',
  // Encoded content too short for an image: signatures, sealed reasoning. Bytes.
  'sealed',
  // Encoded content as long as an image or a document: bytes, and how many.
  'blobBytes',
  'blobs',
] as const

export type FeatureName = (typeof featureNames)[number]
export type Features = Float64Array

export const featureCount = featureNames.length
/** These are classes that every byte is in one of; the others are found in runs of them. */
export const classCount = featureNames.indexOf('sealed')

/** The class of a byte, as an index into `featureNames`. */
export const classOfByte: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  featureNames.indexOf(classNameOf(byte)),
)

function classNameOf(byte: number): FeatureName {
  if (byte >= 0xe0) return 'longLead'
  if (byte >= 0xc0) return 'twoByteLead'
  if (byte >= 0x80) return 'continuationByte'
  const character = String.fromCharCode(byte)
  if (/[a-z]/.test(character)) return 'lower'
  if (/[A-Z]/.test(character)) return 'upper'
  if (/[0-9]/.test(character)) return 'digit'
  if (/[-_+/=]/.test(character)) return 'joiner'
  if (byte <= 0x20) return 'space'
  if (character === '"') return 'quote'
  if (character === '\\') return 'backslash'
  return /[{}[\],:]/.test(character) ? 'bracket' : 'punctuation'
}

/** One value for each feature. */
export function featuresOf(values: Readonly<Record<FeatureName, number>>): Features {
  return Float64Array.from(featureNames, (name) => values[name])
}

export function difference(one: Features, other: Features): Features {
  return one.map((value, index) => value - (other[index] as number))
}
