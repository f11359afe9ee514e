/** The sign-in of Claude Code with a subscription, as `claude` and its /login leave it on Linux. Measured with 2.1.330. */
import { fieldsOf, type LoginFormat, parsedFields, requiredToken, tokenIn } from './login.ts'
import { placeholderCredential } from './provider.ts'

/** Public: that of Claude Code. */
const clientId = '9d1c250a-e61b-44d9-88ed-5944d1962f5e'
/** What a client reads about the account; all else stays on the host. */
const shownFields = ['scopes', 'subscriptionType', 'rateLimitTier']
/** Year 2100: a client that sees an expired token would try to renew it. */
const neverMs = 4_102_444_800_000

export const claudeLogin: LoginFormat = {
  place: { variable: 'CLAUDE_CONFIG_DIR', directory: '.claude', file: '.credentials.json' },
  advice: 'sign in on the host: run claude there, and /login in it',
  read(text) {
    const oauth = oauthOf(text)
    const { expiresAt } = oauth
    const refreshToken = tokenIn(oauth, 'refreshToken')
    return {
      secret: requiredToken(oauth, 'accessToken'),
      ...(refreshToken !== undefined && { refreshToken }),
      expiresAtMs: typeof expiresAt === 'number' && Number.isFinite(expiresAt) ? expiresAt : undefined,
    }
  },
  renewal: {
    host: 'platform.claude.com',
    path: '/v1/oauth/token',
    bodyFor: (refreshToken) =>
      JSON.stringify({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId }),
    renewed(text, answer, nowMs) {
      const given = parsedFields(answer, 'tokens')
      const lifetimeSeconds = given.expires_in
      if (typeof lifetimeSeconds !== 'number' || !(lifetimeSeconds > 0)) throw new Error('has no expires_in')
      const refreshToken = tokenIn(given, 'refresh_token')
      const claudeAiOauth = {
        ...oauthOf(text),
        accessToken: requiredToken(given, 'access_token'),
        ...(refreshToken !== undefined && { refreshToken }),
        expiresAt: nowMs + lifetimeSeconds * 1000,
      }
      return JSON.stringify({ ...parsedFields(text, 'a sign-in'), claudeAiOauth })
    },
  },
  homeFiles(text) {
    const oauth = oauthOf(text)
    const shown = Object.fromEntries(shownFields.filter((name) => name in oauth).map((name) => [name, oauth[name]]))
    const claudeAiOauth = {
      ...shown,
      accessToken: placeholderCredential,
      refreshToken: placeholderCredential,
      expiresAt: neverMs,
    }
    return { '.claude/.credentials.json': `${JSON.stringify({ claudeAiOauth })}\n` }
  },
}

function oauthOf(text: string) {
  return fieldsOf(parsedFields(text, 'a sign-in').claudeAiOauth, 'sign-in with a subscription')
}
