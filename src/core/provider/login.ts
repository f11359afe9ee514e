/**
 * How an agent's program keeps its sign-in with a subscription in a file of the user's home: what the file says, how its tokens are
 * renewed, and what of it a bottle may see. Pure: who reads, asks and writes is `host/secrets/`.
 */

export type LoginName = 'claude' | 'codex'

/** The tokens of a sign-in. Never for a bottle, nor for a log. */
export interface LoginTokens {
  /** As the provider's credential scheme presents it. */
  readonly secret: string
  /** Absent: it cannot be renewed. */
  readonly refreshToken?: string
  /** Of the access token; `undefined` where it does not say. */
  readonly expiresAtMs: number | undefined
}

export interface LoginFormat {
  /** Of the file, below the directory that the variable names, else below the home. */
  readonly place: { readonly variable: string; readonly directory: string; readonly file: string }
  /** How the user signs in (again) on the host, as the end of a sentence. */
  readonly advice: string
  /** Throws an Error with the reason, as the end of a sentence about the file. Nothing of the text is in it. */
  read(text: string): LoginTokens
  readonly renewal: {
    readonly host: string
    readonly path: string
    /** JSON. */
    bodyFor(refreshToken: string): string
    /** The file with the tokens of an answer in place of its own, all else as it was. Throws like `read`. */
    renewed(text: string, answer: string, nowMs: number): string
  }
  /** Files for the bottle's home that make its program believe to be signed in, and never renew by itself. */
  homeFiles(text: string): Readonly<Record<string, string>>
}

type Fields = Readonly<Record<string, unknown>>

/** Throws an Error for what is no JSON object. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields // just checked
  throw new Error(`has no ${what}`)
}

/** Never with the parser's own message, which quotes the text. */
export function parsedFields(text: string, what: string): Fields {
  try {
    return fieldsOf(JSON.parse(text), what)
  } catch {
    throw new Error(`is no JSON with ${what}`)
  }
}

/** A token, or `undefined`. Throws an Error for one that no header may have. */
export function tokenIn(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) return value
  throw new Error(`has something else than a token as ${name}`)
}

export function requiredToken(fields: Fields, name: string): string {
  const token = tokenIn(fields, name)
  if (token === undefined) throw new Error(`has no ${name}`)
  return token
}
