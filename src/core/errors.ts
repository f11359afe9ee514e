/**
 * The one error type for failures that a user can act on. Expected outcomes (a full budget) are return values and bugs
 * are plain errors; neither is a BottleError.
 */
export type BottleErrorCode =
  | 'usage'
  | 'not_found'
  | 'refused'
  | 'conflict'
  | 'settings_invalid'
  | 'manifest_invalid'
  | 'credential_missing'
  | 'sandbox_unavailable'
  | 'sandbox_failed'
  | 'controller_unreachable'
  | 'controller_running'
  | 'ledger_unusable'
  | 'upstream_failed'
  | 'internal'

export interface BottleErrorOptions {
  /** What would work, as one sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

export class BottleError extends Error {
  readonly code: BottleErrorCode
  readonly hint: string | undefined

  constructor(code: BottleErrorCode, message: string, { hint, cause }: BottleErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BottleError'
    this.code = code
    this.hint = hint
  }
}

/** The message of anything thrown, for the cause part of a sentence. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
