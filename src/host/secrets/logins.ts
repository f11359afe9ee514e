/**
 * The sign-ins of the user's own agents, with a subscription: read from their files, and renewed before their tokens expire. The
 * host alone renews them; bottles have placeholders, whose renewal no endpoint lets pass.
 *
 * **Invariant** A sign-in is renewed by one at a time: of the bottles of a controller, and by a lock of other processes too. Whoever
 * has the lock reads the file again, and uses what another has put there meanwhile.
 */
import { messageOf } from '../../core/errors.ts'
import type { LoginFormat, LoginName, LoginTokens } from '../../core/provider/login.ts'
import { loginFormats } from '../../core/provider/logins.ts'
import type { KnownSecrets } from './known-secrets.ts'
import { lockLogin, loginPath, openReplacement } from './login-file.ts'
import { readSecretFile } from './secret-file.ts'

/** As Claude Code does; more than the clocks of two hosts should differ. */
const renewBeforeMs = 300_000
/** After a renewal that failed no other is tried for so long. */
const failureKeptMs = 10_000

/** Asks a token endpoint, over verified TLS. Rejects with the reason when no answer came. */
export type PostJson = (request: {
  readonly host: string
  readonly path: string
  readonly body: string
}) => Promise<{ readonly status: number; readonly body: string }>

export interface LoginsOptions {
  readonly post: PostJson
  readonly secrets: KnownSecrets
  readonly nowMs: () => number
}

type Environment = Readonly<Record<string, string | undefined>>

export interface Logins {
  /** A token that holds, renewed where that is due. Rejects with the reason: the file, what is wrong, what to do. */
  read(name: LoginName, environment: Environment): Promise<string>
}

/** What a file says, whether it still holds or not. */
export interface Login {
  readonly path: string
  readonly format: LoginFormat
  readonly text: string
  readonly tokens: LoginTokens
}

export async function readLogin(name: LoginName, environment: Environment): Promise<Login> {
  const format = loginFormats[name]
  return loginIn(loginPath(format, environment), format)
}

async function loginIn(path: string, format: LoginFormat): Promise<Login> {
  const text = await readSecretFile(path)
  return { path, format, text, tokens: withSubject(path, () => format.read(text)) }
}

/** Told for a while without another try, as long as the file has the same tokens. */
interface Failure {
  readonly refreshToken: string | undefined
  readonly error: unknown
  readonly untilMs: number
}

type Renewal =
  | { readonly kind: 'renewed'; readonly secret: string }
  /** The provider knows the refresh token no more. */
  | { readonly kind: 'refused'; readonly status: number }

export function createLogins({ post, secrets, nowMs }: LoginsOptions): Logins {
  const renewals = new Map<string, Promise<string>>()
  const failures = new Map<string, Failure>()

  const holds = ({ expiresAtMs }: LoginTokens, marginMs: number) =>
    expiresAtMs === undefined || nowMs() + marginMs < expiresAtMs

  const renew = async ({ path, format, text, tokens }: Login): Promise<Renewal> => {
    const { host, path: endpoint, bodyFor, renewed } = format.renewal
    if (tokens.refreshToken === undefined) throw new Error(`there is nothing to renew it by; ${format.advice}`)
    secrets.add({ kind: 'bearer' }, tokens.refreshToken)
    await using replacement = await openReplacement(path)
    const { status, body } = await post({ host, path: endpoint, body: bodyFor(tokens.refreshToken) })
    if (status === 400 || status === 401) return { kind: 'refused', status }
    if (status !== 200) throw new Error(`${host} answered ${status}`)
    const written = withSubject(`what ${host} answered`, () => renewed(text, body, nowMs()))
    await replacement.commit(written)
    return { kind: 'renewed', secret: format.read(written).secret }
  }

  const renewLocked = async ({ path, format }: Login): Promise<string> => {
    await using _ = await lockLogin(path)
    const login = await loginIn(path, format)
    if (holds(login.tokens, renewBeforeMs)) return login.tokens.secret
    const first = await renew(login)
    if (first.kind === 'renewed') return first.secret
    // A program that does not know of the lock may have been faster.
    const again = await loginIn(path, format)
    const isOther = again.tokens.refreshToken !== login.tokens.refreshToken
    if (isOther && holds(again.tokens, renewBeforeMs)) return again.tokens.secret
    const second = isOther ? await renew(again) : first
    if (second.kind === 'renewed') return second.secret
    throw new Error(`${format.renewal.host} refused to (${second.status}); ${format.advice}`)
  }

  const renewOnce = (login: Login): Promise<string> => {
    const { path, tokens } = login
    const failure = failures.get(path)
    if (failure && failure.refreshToken === tokens.refreshToken && nowMs() < failure.untilMs) throw failure.error
    const running =
      renewals.get(path) ??
      renewLocked(login)
        .catch((error: unknown) => {
          failures.set(path, { refreshToken: tokens.refreshToken, error, untilMs: nowMs() + failureKeptMs })
          throw error
        })
        .finally(() => renewals.delete(path))
    renewals.set(path, running)
    return running
  }

  return {
    async read(name, environment) {
      const login = await readLogin(name, environment)
      const { path, tokens } = login
      if (holds(tokens, renewBeforeMs)) return tokens.secret
      try {
        return await renewOnce(login)
      } catch (cause) {
        // What cannot be renewed yet may still hold.
        if (holds(tokens, 0)) return tokens.secret
        throw new Error(`the sign-in in ${path} has expired and cannot be renewed: ${messageOf(cause)}`, { cause })
      }
    },
  }
}

function withSubject<Value>(subject: string, read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    throw new Error(`${subject} ${messageOf(cause)}`, { cause })
  }
}
