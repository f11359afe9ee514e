import type { Login } from '../host/secrets/logins.ts'

/** Which sign-in it is and until when it holds, never what is in it. */
export function loginInWords({ path, tokens }: Login, nowMs: number): string {
  const { expiresAtMs, refreshToken } = tokens
  const of = `the subscription of ${path}`
  const renewal =
    refreshToken === undefined ? 'is not renewed: the file has nothing to renew it by' : 'is renewed on this host'
  if (expiresAtMs === undefined) return `${of}; it does not say how long its token holds, which ${renewal}`
  const verb = expiresAtMs > nowMs ? 'holds until' : 'expired at'
  return `${of}; its token ${verb} ${new Date(expiresAtMs).toISOString()}, and ${renewal}`
}
