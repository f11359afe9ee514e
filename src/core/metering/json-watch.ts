/** Tells the values and keys that stand at watched places, by their first bytes: enough for a name, bounded for anything. */
export const maxWatchedBytes = 64

const quote = 0x22

/** `kind`: the first byte of the value; of a key its quote. */
export type OnWatched = (path: string, text: string, kind: number) => void

export class JsonWatch {
  readonly #tell: OnWatched
  readonly #bytes = Buffer.allocUnsafe(maxWatchedBytes)
  #length = 0

  constructor(tell: OnWatched) {
    this.#tell = tell
  }

  get heldBytes(): number {
    return this.#bytes.length
  }

  begin(): void {
    this.#length = 0
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to && this.#length < maxWatchedBytes; at++, this.#length++)
      this.#bytes[this.#length] = bytes[at] as number
  }

  /** Between the quotes of a key. */
  endKey(path: string): void {
    const raw = this.#raw()
    this.#tell(path, parsed(`"${raw}"`) ?? raw, quote)
  }

  /** A null is told as little as a value that is absent; what is no string as it stands there. */
  endValue(path: string): void {
    const raw = this.#raw()
    if (raw === 'null') return
    const isCut = this.#length === maxWatchedBytes && this.#bytes[0] === quote
    this.#tell(path, parsed(raw) ?? (isCut ? parsed(`${raw}"`) : undefined) ?? raw, this.#bytes[0] as number)
  }

  #raw(): string {
    return this.#bytes.toString('utf8', 0, this.#length)
  }
}

function parsed(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
