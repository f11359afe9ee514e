/**
 * Which way to sign in a start uses: of each provider the first that this host has a credential for, read once to know. A way that is
 * there and does not work is told with the others where none works.
 */
import { BottleError, messageOf } from '../core/errors.ts'
import type { EffectiveBottle, Sourced } from '../core/manifest/definition.ts'
import { loginFormats } from '../core/provider/logins.ts'
import type { Provider } from '../core/provider/provider.ts'
import { withEachSignIn } from '../core/provider/sign-in.ts'
import { environmentNamesOf, readSecretSource } from '../core/routing/secret-source.ts'
import { missingCredential } from '../host/secrets/credential.ts'
import type { KnownSecrets } from '../host/secrets/known-secrets.ts'
import { type Logins, readLogin } from '../host/secrets/logins.ts'
import { credentialOfProvider } from './credentials.ts'
import { loginInWords } from './login-words.ts'

export interface SignInSetting {
  /** Of the user. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logins: Logins
  readonly secrets: KnownSecrets
  readonly nowMs: () => number
}

export interface ChosenSignIns {
  readonly bottle: EffectiveBottle
  /** For the user, one sentence for each subscription. */
  readonly notices: readonly string[]
}

/** Throws BottleError `credential_missing`. */
export async function chooseSignIns(bottle: EffectiveBottle, setting: SignInSetting): Promise<ChosenSignIns> {
  const notices: string[] = []
  const providers: Sourced<Provider>[] = []
  for (const { value, origin } of bottle.providers) {
    const { provider, notice } = await chooseSignIn(value, setting)
    providers.push({ value: provider, origin })
    if (notice !== undefined) notices.push(`${value.name} is signed in with ${notice}`)
  }
  return { bottle: { ...bottle, providers }, notices }
}

async function chooseSignIn(
  signable: Provider,
  setting: SignInSetting,
): Promise<{ readonly provider: Provider; readonly notice?: string }> {
  const ways = withEachSignIn(signable)
  const [first] = ways
  // What has one way only is read with the other credentials.
  if (ways.length === 1 && !first.credential.login) return { provider: first }
  const faults: string[] = []
  for (const provider of ways) {
    try {
      await credentialOfProvider(provider, { ...setting, missing: [] }).read()
      return await chosen(provider, setting)
    } catch (error) {
      if (!(error instanceof BottleError)) throw error
      faults.push(messageOf(error.cause))
    }
  }
  throw missingCredential(`provider ${first.name}`, faults.join('; '), hintsFor(ways))
}

async function chosen(provider: Provider, { environment, nowMs }: SignInSetting) {
  const { login, sources } = provider.credential
  if (login !== undefined) {
    const found = await readLogin(login, environment)
    const homeFiles = { ...provider.homeFiles, ...found.format.homeFiles(found.text) }
    return { provider: { ...provider, homeFiles }, notice: loginInWords(found, nowMs()) }
  }
  if (provider.signIn !== 'subscription') return { provider }
  return { provider, notice: `the subscription of ${sources.join(' or ')}` }
}

function hintsFor(ways: readonly Provider[]): readonly string[] {
  const hints = ways.map(({ credential: { sources, login } }) =>
    login === undefined
      ? `set ${environmentNamesOf(sources.map(readSecretSource)).join(' or ')} for this command`
      : loginFormats[login].advice,
  )
  return [`One of these would do: ${hints.join('; ')}.`]
}
