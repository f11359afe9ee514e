/**
 * The token endpoints of the vendors' subscriptions: each renewal gives a new access token and a new refresh token, and the refresh
 * token that was used is worth nothing any more.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Call, readJson, sendJson } from './call.ts'

export interface SignInOptions {
  /** The one that is good at first. Without it nothing is renewed. */
  readonly refreshToken?: string
  readonly tokenLifetimeSeconds?: number
  /** Before each answer. */
  readonly renewalDelayMs?: number
  /** Answers every renewal with this status. */
  readonly renewalStatus?: number
}

export interface SignIn {
  /** Whether it was given by a renewal. */
  accepts(accessToken: string | undefined): boolean
  /** Answers a request for a renewal; false where the path is none. */
  serve(call: Call): Promise<boolean>
}

const renewal = z.object({ grant_type: z.literal('refresh_token'), refresh_token: z.string() })
const paths = ['/v1/oauth/token', '/oauth/token']

export function createSignIn(options: SignInOptions): SignIn {
  const { tokenLifetimeSeconds = 28_800, renewalDelayMs = 0, renewalStatus } = options
  let { refreshToken } = options
  let renewals = 0
  const given = new Set<string>()

  return {
    accepts: (accessToken) => accessToken !== undefined && given.has(accessToken),
    async serve(call) {
      if (call.request.method !== 'POST' || !paths.includes(call.url.pathname)) return false
      const asked = renewal.safeParse(await readJson(call))
      if (renewalDelayMs > 0) await sleep(renewalDelayMs, undefined, { signal: call.signal })
      if (renewalStatus !== undefined) sendJson(call, renewalStatus, { error: 'server_error' })
      else if (!asked.success || asked.data.refresh_token !== refreshToken) {
        sendJson(call, 400, { error: 'invalid_grant', error_description: 'Refresh token not found or invalid' })
      } else {
        renewals += 1
        refreshToken = `simulated-refresh-${renewals}`
        const tokens = { access_token: `simulated-access-${renewals}`, refresh_token: refreshToken }
        given.add(tokens.access_token)
        sendJson(call, 200, { token_type: 'Bearer', ...tokens, expires_in: tokenLifetimeSeconds })
      }
      return true
    },
  }
}
