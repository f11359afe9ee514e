/**
 * Reads an object's key in any split and finds the path that it leads to. Only a key that is cut or escaped is copied, up
 * to a ceiling; a longer one leads nowhere.
 */
import type { PathNode } from './json-paths.ts'

/** Longest spelling of a key that can match a path, as raw bytes; escapes make a key up to six times as long. */
export const maxKeyBytes = 256

const quote = 0x22
const backslash = 0x5c

export class JsonKey {
  readonly #bytes = Buffer.allocUnsafe(maxKeyBytes)
  #length = 0
  #isEscaped = false
  #isAfterBackslash = false
  #child: PathNode | undefined
  readonly #isStrict: boolean
  #isLookalike = false

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  get heldBytes(): number {
    return this.#bytes.length
  }

  /** Where the key that was read leads; `undefined` when to nothing of interest. */
  get child(): PathNode | undefined {
    return this.#child
  }

  /** Of a strict reader: the key is another one than all that are asked for, but some servers read it as one of them. */
  get isLookalike(): boolean {
    return this.#isLookalike
  }

  begin(): void {
    this.#length = 0
    this.#isEscaped = false
    this.#isAfterBackslash = false
  }

  /** Reads on, up to the closing quote. Returns where that stands, or `end`. */
  read(parent: PathNode | undefined, bytes: Uint8Array, start: number, end: number): number {
    let at = start
    if (this.#isAfterBackslash && at < end) {
      this.#isAfterBackslash = false
      at += 1
    }
    for (; at < end; at++) {
      const byte = bytes[at]
      if (byte === quote) break
      if (byte !== backslash) continue
      this.#isEscaped = true
      if (at + 1 === end) this.#isAfterBackslash = true
      else at += 1
    }
    if (at === end || this.#isEscaped || this.#length > 0) this.#keep(bytes, start, at)
    if (at === end) return end
    if (this.#length === 0) this.#find(parent, bytes, start, at)
    else if (this.#length > maxKeyBytes) this.#find(undefined, bytes, 0, 0)
    else if (!this.#isEscaped) this.#find(parent, this.#bytes, 0, this.#length)
    else {
      const key = unescaped(this.#bytes.toString('utf8', 0, this.#length))
      this.#find(key && parent, key ?? bytes, 0, key?.length ?? 0)
    }
    return at
  }

  #find(parent: PathNode | undefined, bytes: Uint8Array, from: number, to: number): void {
    this.#child = childOf(parent, bytes, from, to)
    this.#isLookalike = this.#isStrict && this.#child === undefined && hasLookalike(parent, bytes, from, to)
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to && this.#length <= maxKeyBytes; at++, this.#length++)
      if (this.#length < maxKeyBytes) this.#bytes[this.#length] = bytes[at] as number
  }
}

function childOf(parent: PathNode | undefined, bytes: Uint8Array, from: number, to: number): PathNode | undefined {
  const keys = parent?.keys
  if (keys === undefined) return undefined
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]
    if (key === undefined || key.bytes.length !== to - from) continue
    let same = 0
    while (same < key.bytes.length && key.bytes[same] === bytes[from + same]) same += 1
    if (same === key.bytes.length) return key.node
  }
  return undefined
}

function unescaped(raw: string): Uint8Array | undefined {
  try {
    return Buffer.from(JSON.parse(`"${raw}"`) as string)
  } catch {
    return undefined
  }
}

/** Go's parser does not look at the case of a name, nor do those of others. */
function hasLookalike(parent: PathNode | undefined, bytes: Uint8Array, from: number, to: number): boolean {
  const keys = parent?.keys
  if (keys === undefined) return false
  for (let at = from; at < to; at++)
    if ((bytes[at] as number) >= 0x80) return foldsToOneOf(keys, bytes.subarray(from, to))
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]
    if (key === undefined || key.bytes.length !== to - from) continue
    let same = 0
    while (same < key.bytes.length && ((key.bytes[same] ?? 0) | 0x20) === ((bytes[from + same] ?? 0) | 0x20)) same += 1
    if (same === key.bytes.length) return true
  }
  return false
}

/** A few letters beyond ASCII are letters of ASCII in another case: the Kelvin sign, the long s. */
function foldsToOneOf(keys: PathNode['keys'], bytes: Uint8Array): boolean {
  const folded = foldCase(Buffer.from(bytes).toString())
  return keys.some((key) => foldCase(Buffer.from(key.bytes).toString()) === folded)
}

function foldCase(text: string): string {
  return text.toUpperCase().toLowerCase()
}
