/** Sign-ins of Claude Code and Codex in the home of a test's user, as the programs themselves leave them. */
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProductHost } from './product-host.ts'
import type { TestUser } from './test-user.ts'

export interface HostLogin {
  readonly accessToken: string
  readonly refreshToken?: string
  /** Of the access token, from now on. */
  readonly leftMs: number
}

/** The path of its file. */
export async function signInClaude(
  { userHome }: Pick<ProductHost, 'userHome'>,
  { accessToken, refreshToken, leftMs }: HostLogin,
  user?: TestUser,
): Promise<string> {
  const directory = join(userHome, '.claude')
  const path = join(directory, '.credentials.json')
  const expiresAt = Date.now() + leftMs
  const scopes = ['user:inference', 'user:profile']
  const claudeAiOauth = {
    accessToken,
    refreshToken,
    expiresAt,
    scopes,
    subscriptionType: 'max',
    rateLimitTier: 'max_5x',
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(path, JSON.stringify({ claudeAiOauth, other: 'kept' }), { mode: 0o600 })
  if (user?.uid !== undefined) for (const own of [directory, path]) await chown(own, user.uid, user.uid)
  return path
}

/** Of the account `account-1`. */
export async function signInCodex(
  { userHome }: Pick<ProductHost, 'userHome'>,
  { accessToken, refreshToken, leftMs }: HostLogin,
): Promise<string> {
  const directory = join(userHome, '.codex')
  const path = join(directory, 'auth.json')
  const claims = { chatgpt_plan_type: 'plus', chatgpt_account_id: 'account-1', chatgpt_user_id: 'user-1' }
  const idToken = token({ email: 'ada@example.com', 'https://api.openai.com/auth': claims })
  const tokens = { id_token: idToken, access_token: accessToken, refresh_token: refreshToken, account_id: 'account-1' }
  // Eight days after the last renewal Codex asks for the next.
  const last = new Date(Date.now() + leftMs - 8 * 24 * 3_600_000).toISOString()
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(path, JSON.stringify({ OPENAI_API_KEY: null, tokens, last_refresh: last, other: 'kept' }), {
    mode: 0o600,
  })
  return path
}

function token(claims: object): string {
  return ['{"alg":"none"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
}

/** The user has no API key. */
export const withoutKeys = { ANTHROPIC_API_KEY: undefined, OPENAI_API_KEY: undefined }
