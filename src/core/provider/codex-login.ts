/** The sign-in of Codex with ChatGPT, as `codex login` leaves it. Measured with 0.169.0. */
import { fieldsOf, type LoginFormat, parsedFields, requiredToken, tokenIn } from './login.ts'
import { placeholderCredential } from './provider.ts'

/** Public: that of Codex. */
const clientId = 'app_EMoamEEZ73f0CkXaXp7hrann'
/** Of the claims of an id token: what is about the account. */
const accountClaims = 'https://api.openai.com/auth'
/** For how long Codex trusts a token that does not say it. */
const trustedMs = 8 * 24 * 3_600_000
/** Codex renews by itself what it renewed long ago, or what expires. */
const never = '2100-01-01T00:00:00Z'

export const codexLogin: LoginFormat = {
  place: { variable: 'CODEX_HOME', directory: '.codex', file: 'auth.json' },
  advice: 'sign in on the host: codex login',
  read(text) {
    const tokens = tokensOf(text)
    const accessToken = requiredToken(tokens, 'access_token')
    const refreshToken = tokenIn(tokens, 'refresh_token')
    return {
      secret: `${accountOf(tokens)}:${accessToken}`,
      ...(refreshToken !== undefined && { refreshToken }),
      expiresAtMs: expiryOf(accessToken) ?? trustedUntilMs(text),
    }
  },
  renewal: {
    host: 'auth.openai.com',
    path: '/oauth/token',
    bodyFor: (refreshToken) =>
      JSON.stringify({ client_id: clientId, grant_type: 'refresh_token', refresh_token: refreshToken }),
    renewed(text, answer, nowMs) {
      const given = parsedFields(answer, 'tokens')
      requiredToken(given, 'access_token')
      const names = ['id_token', 'access_token', 'refresh_token'].filter((name) => tokenIn(given, name) !== undefined)
      const fresh = Object.fromEntries(names.map((name) => [name, given[name]]))
      const tokens = { ...tokensOf(text), ...fresh }
      return JSON.stringify({ ...parsedFields(text, 'a sign-in'), tokens, last_refresh: new Date(nowMs).toISOString() })
    },
  },
  homeFiles(text) {
    const { auth_mode: mode } = parsedFields(text, 'a sign-in')
    const tokens = tokensOf(text)
    const account = accountOf(tokens)
    const { chatgpt_plan_type: plan = 'unknown' } = claimsOfAccount(tokens)
    const claims = { [accountClaims]: { chatgpt_plan_type: plan, chatgpt_account_id: account } }
    const shown = {
      ...(mode !== undefined && { auth_mode: mode }),
      OPENAI_API_KEY: null,
      tokens: {
        id_token: unsigned(claims),
        access_token: placeholderCredential,
        refresh_token: placeholderCredential,
        account_id: account,
      },
      last_refresh: never,
    }
    return { '.codex/auth.json': `${JSON.stringify(shown)}\n` }
  },
}

type Fields = ReturnType<typeof fieldsOf>

function tokensOf(text: string): Fields {
  return fieldsOf(parsedFields(text, 'a sign-in').tokens, 'sign-in with ChatGPT')
}

function accountOf(tokens: Fields): string {
  const account = tokenIn(tokens, 'account_id') ?? tokenIn(claimsOfAccount(tokens), 'chatgpt_account_id')
  if (account === undefined || account.includes(':')) throw new Error('has no account_id')
  return account
}

function claimsOfAccount(tokens: Fields): Fields {
  const found = claimsOf(tokenIn(tokens, 'id_token') ?? '')[accountClaims]
  return typeof found === 'object' && found !== null ? (found as Fields) : {} // just checked
}

function expiryOf(accessToken: string): number | undefined {
  const { exp } = claimsOf(accessToken)
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined
}

function trustedUntilMs(text: string): number | undefined {
  const { last_refresh: last } = parsedFields(text, 'a sign-in')
  const atMs = typeof last === 'string' ? Date.parse(last) : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs + trustedMs
}

/** Of a JSON Web Token (RFC 7519), whose signature is the provider's business; none for what is no such token. */
function claimsOf(token: string): Fields {
  try {
    const [, payload = ''] = token.split('.')
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0))
    return fieldsOf(JSON.parse(new TextDecoder().decode(bytes)), 'claims')
  } catch {
    return {}
  }
}

/** Of the form of a token, signed by nobody. */
function unsigned(claims: Fields): string {
  const parts = [JSON.stringify({ alg: 'none', typ: 'JWT' }), JSON.stringify(claims), 'none']
  return parts.map((part) => btoa(part).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')).join('.')
}
