/** The sign-in of Claude Code in the home of a test's user, as `claude` and /login leave it. */
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

/** The user has no API key. */
export const withoutKeys = { ANTHROPIC_API_KEY: undefined, OPENAI_API_KEY: undefined }
