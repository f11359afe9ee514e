import { type Features, featuresOf } from './byte-features.ts'

/**
 * Tokens of one byte of each class (of one blob), before anything was learned: fitted to two public tokenizers over requests
 * of all shapes, and a tenth more, since some providers' own make more tokens.
 */
export const priorWeights: Features = featuresOf({
  lower: 0.22,
  upper: 0.28,
  digit: 0.55,
  joiner: 0.66,
  space: 0.17,
  quote: 0.17,
  backslash: 0.55,
  bracket: 0.22,
  punctuation: 0.6,
  continuationByte: 0.19,
  twoByteLead: 0.31,
  longLead: 0.42,
  sealed: 0.06,
  // An image is billed by its pixels, a document by its pages; their bytes say little.
  blobBytes: 0.0015,
  blobs: 600,
})
