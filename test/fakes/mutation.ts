/** Bytes that are almost right: what fuzz tests make of sound ones. */
import fc, { type Arbitrary } from 'fast-check'

/** A byte that is changed, a stretch that is lost or comes twice, a token that does not belong there. */
export interface Mutation {
  readonly kind: 'change' | 'lose' | 'repeat' | 'insert'
  /** From 0 to 1. */
  readonly at: number
  readonly length: number
  readonly byte: number
  readonly token: string
}

export function mutations(tokens: readonly [string, ...string[]] | null): Arbitrary<Mutation> {
  return fc.record({
    kind: fc.constantFrom(
      ...(['change', 'lose', 'repeat'] as const),
      ...(tokens ? (['insert', 'insert'] as const) : []),
    ),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 30 }),
    byte: fc.nat(255),
    token: fc.constantFrom(...(tokens ?? [''])),
  })
}

export function mutated(bytes: Buffer, { kind, at, length, byte, token }: Mutation): Buffer {
  const index = Math.floor(at * bytes.length)
  const [before, stretch, after] = [
    bytes.subarray(0, index),
    bytes.subarray(index, index + length),
    bytes.subarray(index + length),
  ]
  switch (kind) {
    case 'lose':
      return Buffer.concat([before, after])
    case 'repeat':
      return Buffer.concat([before, stretch, stretch, after])
    case 'insert':
      return Buffer.concat([before, Buffer.from(token, 'latin1'), stretch, after])
    case 'change':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(index + 1)])
  }
}
