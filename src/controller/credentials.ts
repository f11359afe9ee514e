/**
 * The real credentials of one bottle: of its providers and of its routes. At a start each is read once before anything is opened,
 * so that a start without one is refused.
 */
import { realpath } from 'node:fs/promises'
import { BottleError, messageOf } from '../core/errors.ts'
import type { EffectiveBottle } from '../core/manifest/definition.ts'
import type { WrittenEgress } from '../core/manifest/written-egress.ts'
import { loginFormats } from '../core/provider/logins.ts'
import type { Provider, ProviderCredential } from '../core/provider/provider.ts'
import type { AuthScheme } from '../core/routing/route.ts'
import { environmentNamesOf, readSecretSource, type SecretSourceReading } from '../core/routing/secret-source.ts'
import { type Credential, createCredential, createLoginCredential } from '../host/secrets/credential.ts'
import type { KnownSecrets } from '../host/secrets/known-secrets.ts'
import { loginPath } from '../host/secrets/login-file.ts'
import type { Logins } from '../host/secrets/logins.ts'
import { secretPath } from '../host/secrets/secret-file.ts'
import type { CredentialOwner, Egress } from '../proxy/egress.ts'
import { isWithin } from '../sandbox/path-within.ts'
import type { Plan, StartRequest } from './api.ts'
import type { BottlePlan } from './bottle-plan.ts'

type Environment = Readonly<Record<string, string | undefined>>
type CredentialPlaces = Pick<WrittenEgress, 'providers' | 'routes'>
type CredentialRequest = Pick<StartRequest, 'hostEnvironment' | 'workspace' | 'readOnlyPaths'>

/** What of the user's environment the sources need. A command gets all of it, as does what asks the keyring. */
export function environmentNeeds(bottle: EffectiveBottle): Pick<Plan, 'environmentNames' | 'wantsWholeEnvironment'> {
  const egress = { providers: bottle.providers, routes: bottle.egress.routes }
  const sources = sourcesOf(egress)
  return {
    environmentNames: variablesOf(egress),
    wantsWholeEnvironment: sources.some(({ kind }) => kind === 'command' || kind === 'keyring'),
  }
}

/** The credentials of one bottle, held in memory only. */
export interface BottleCredentials {
  readonly credentialOf: Egress['credentialOf']
  /** Takes the environment of the user again, which went with the controller that had it. */
  renew(environment: Environment): void
}

/** Throws BottleError `credential_missing`, or `usage` for a file that the bottle would see. */
export async function openCredentials(
  egress: WrittenEgress,
  { request, ...shared }: SharedSetting & { readonly request: CredentialRequest },
): Promise<BottleCredentials> {
  await refuseVisibleFiles(egress, request)
  const credentials = createCredentials(egress, { environment: request.hostEnvironment, missing: [], ...shared })
  await credentials.readAll()
  return credentials
}

/**
 * Those of a bottle that is taken up from a controller that is gone. Files and commands are read again. What was read from a
 * variable of the user (`givenVariables`) is refused until the user's command has sent it again (I9): the next source may be
 * another credential.
 */
export function adoptCredentials(
  { egress, givenVariables }: Pick<BottlePlan, 'egress' | 'givenVariables'>,
  { environment, ...shared }: SharedSetting & { readonly environment: Environment },
): BottleCredentials {
  const own = variablesOf(egress)
  const others = Object.fromEntries(Object.entries(environment).filter(([name]) => !own.includes(name)))
  return createCredentials(egress, { environment: others, missing: givenVariables, ...shared })
}

interface SharedSetting {
  readonly logins: Logins
  readonly secrets: KnownSecrets
  readonly nowMs: () => number
}

interface CredentialSetting extends SharedSetting {
  readonly environment: Environment
  readonly missing: readonly string[]
}

function createCredentials(egress: WrittenEgress, setting: CredentialSetting) {
  let credentials = credentialsOf(egress, setting)
  return {
    credentialOf(owner: CredentialOwner) {
      const credential = credentials.get(keyOf(owner))
      if (!credential) throw new BottleError('credential_missing', 'there is no credential for this request')
      const read = credential.read()
      return typeof read === 'string' ? read : read.catch(tellBottle)
    },
    renew(environment: Environment) {
      credentials = credentialsOf(egress, { ...setting, environment, missing: [] })
    },
    readAll: () => Promise.all([...credentials.values()].map(async (credential) => credential.read())),
  }
}

function credentialsOf(
  { providers, routes }: WrittenEgress,
  setting: CredentialSetting,
): ReadonlyMap<unknown, Credential> {
  const ofProviders = providers.map(({ value }) => [value.name, credentialOfProvider(value, setting)] as const)
  const ofRoutes = routes.flatMap(({ value: { host, auth } }) => {
    if (!auth) return []
    const { scheme, secret } = auth
    const asked = { subject: `the route to ${host}`, scheme, sources: [secret] }
    const credential = unlessAwaited(asked.subject, variablesOfSources(asked.sources), setting)
    return [
      [auth, credential ?? createCredential({ ...asked, ...setting, onSecret: toldTo(setting, scheme) })] as const,
    ]
  })
  return new Map<unknown, Credential>([...ofProviders, ...ofRoutes])
}

export function credentialOfProvider({ name, credential }: Provider, setting: CredentialSetting): Credential {
  const subject = `provider ${name}`
  const awaited = unlessAwaited(subject, variablesOfCredential(credential), setting)
  if (awaited) return awaited
  const { login, sources, scheme } = credential
  const options = { subject, ...setting, onSecret: toldTo(setting, scheme) }
  return login === undefined
    ? createCredential({ ...options, sources, scheme })
    : createLoginCredential({ ...options, login })
}

function toldTo({ secrets }: CredentialSetting, scheme: AuthScheme): (secret: string) => void {
  return (secret) => secrets.add(scheme, secret)
}

function unlessAwaited(
  subject: string,
  variables: readonly string[],
  { missing }: CredentialSetting,
): Credential | undefined {
  const awaited = variables.find((name) => missing.includes(name))
  return awaited === undefined ? undefined : awaitedCredential(subject, awaited)
}

function awaitedCredential(subject: string, variable: string): Credential {
  const message = `the credential of ${subject} is not known yet: the controller was started again, and the command that holds this bottle has not sent ${variable} to it so far`
  return {
    read() {
      throw new BottleError('credential_missing', message)
    },
  }
}

/** Safety: a hint is for the user at the start; what a command printed is nothing for a bottle. */
function tellBottle(cause: unknown): never {
  throw new BottleError('credential_missing', messageOf(cause), { cause })
}

function keyOf(owner: CredentialOwner): unknown {
  return owner.kind === 'provider' ? owner.provider.name : owner.auth
}

/** Of every way to sign in that is left. */
function credentialsOfProvider({ credential, otherSignIns = [] }: Provider): readonly ProviderCredential[] {
  return [credential, ...otherSignIns.map((signIn) => signIn.credential)]
}

function sourcesOf({ providers, routes }: CredentialPlaces): readonly SecretSourceReading[] {
  const texts = [
    ...providers.flatMap(({ value }) => credentialsOfProvider(value).flatMap(({ sources }) => sources)),
    ...routes.flatMap(({ value }) => (value.auth ? [value.auth.secret] : [])),
  ]
  return texts.map(readSecretSource)
}

/** What of the user's environment says a credential, or where it is. */
function variablesOf({ providers, routes }: CredentialPlaces): readonly string[] {
  const names = [
    ...providers.flatMap(({ value }) => credentialsOfProvider(value).flatMap(variablesOfCredential)),
    ...routes.flatMap(({ value }) => (value.auth ? variablesOfSources([value.auth.secret]) : [])),
  ]
  return [...new Set(names)]
}

function variablesOfCredential({ sources, login }: ProviderCredential): readonly string[] {
  return login === undefined ? variablesOfSources(sources) : [loginFormats[login].place.variable]
}

function variablesOfSources(sources: readonly string[]): readonly string[] {
  return environmentNamesOf(sources.map(readSecretSource))
}

/** Safety (I2): what is handed into the bottle must not hold the credential that the proxy keeps from it. */
async function refuseVisibleFiles(
  egress: CredentialPlaces,
  { workspace, readOnlyPaths, hostEnvironment }: CredentialRequest,
): Promise<void> {
  const visible = workspace.kind === 'none' ? readOnlyPaths : [workspace.path, ...readOnlyPaths]
  const files = sourcesOf(egress).flatMap((source) => (source.kind === 'file' ? [secretPath(source.path)] : []))
  const logins = egress.providers.flatMap(({ value: { credential } }) =>
    credential.login ? [loginPath(loginFormats[credential.login], hostEnvironment)] : [],
  )
  for (const path of [...files, ...logins]) {
    const real = await realpath(path).catch(() => path)
    for (const shown of visible) {
      if (!isWithin(real, await realpath(shown).catch(() => shown)) && !isWithin(path, shown)) continue
      throw new BottleError('usage', `the credential file ${path} lies in ${shown}, which the bottle would see`, {
        hint: 'Keep it outside of what is handed into the bottle.',
      })
    }
  }
}
