/**
 * The real credentials of one bottle: of its providers and of its routes. At a start each is read once before anything is opened,
 * so that a start without one is refused.
 */
import { realpath } from 'node:fs/promises'
import { BottleError, messageOf } from '../core/errors.ts'
import type { EffectiveBottle } from '../core/manifest/definition.ts'
import type { WrittenEgress } from '../core/manifest/written-egress.ts'
import { environmentNamesOf, readSecretSource, type SecretSourceReading } from '../core/routing/secret-source.ts'
import { type Credential, type CredentialOptions, createCredential } from '../host/secrets/credential.ts'
import { secretPath } from '../host/secrets/secret-file.ts'
import type { CredentialOwner, Egress } from '../proxy/egress.ts'
import { isWithin } from '../sandbox/path-within.ts'
import type { Plan, StartRequest } from './api.ts'
import type { BottlePlan } from './bottle-plan.ts'

type Environment = Readonly<Record<string, string | undefined>>
type CredentialRequest = Pick<StartRequest, 'hostEnvironment' | 'workspace' | 'readOnlyPaths'>

/** What of the user's environment the sources need. A command gets all of it, as does what asks the keyring. */
export function environmentNeeds(bottle: EffectiveBottle): Pick<Plan, 'environmentNames' | 'wantsWholeEnvironment'> {
  const sources = sourcesOf({ providers: bottle.providers, routes: bottle.egress.routes })
  return {
    environmentNames: environmentNamesOf(sources),
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
  { request, nowMs }: { readonly request: CredentialRequest; readonly nowMs: () => number },
): Promise<BottleCredentials> {
  await refuseVisibleFiles(sourcesOf(egress), request)
  const credentials = createCredentials(egress, { environment: request.hostEnvironment, missing: [], nowMs })
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
  { environment, nowMs }: { readonly environment: Environment; readonly nowMs: () => number },
): BottleCredentials {
  const own = environmentNamesOf(sourcesOf(egress))
  const others = Object.fromEntries(Object.entries(environment).filter(([name]) => !own.includes(name)))
  return createCredentials(egress, { environment: others, missing: givenVariables, nowMs })
}

interface CredentialSetting {
  readonly environment: Environment
  readonly missing: readonly string[]
  readonly nowMs: () => number
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
  { environment, missing, nowMs }: CredentialSetting,
): ReadonlyMap<unknown, Credential> {
  const credentials = new Map<unknown, Credential>()
  const add = (key: unknown, options: Pick<CredentialOptions, 'subject' | 'scheme' | 'sources'>) => {
    const awaited = environmentNamesOf(options.sources.map(readSecretSource)).find((name) => missing.includes(name))
    credentials.set(
      key,
      awaited === undefined
        ? createCredential({ ...options, environment, nowMs })
        : awaitedCredential(options.subject, awaited),
    )
  }
  for (const { value } of providers) add(value.name, { subject: `provider ${value.name}`, ...value.credential })
  for (const { value } of routes) {
    if (!value.auth) continue
    const { scheme, secret } = value.auth
    add(value.auth, { subject: `the route to ${value.host}`, scheme, sources: [secret] })
  }
  return credentials
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

function sourcesOf({ providers, routes }: Pick<WrittenEgress, 'providers' | 'routes'>): readonly SecretSourceReading[] {
  const texts = [
    ...providers.flatMap(({ value }) => value.credential.sources),
    ...routes.flatMap(({ value }) => (value.auth ? [value.auth.secret] : [])),
  ]
  return texts.map(readSecretSource)
}

/** Safety (I2): what is handed into the bottle must not hold the credential that the proxy keeps from it. */
async function refuseVisibleFiles(
  sources: readonly SecretSourceReading[],
  { workspace, readOnlyPaths }: CredentialRequest,
): Promise<void> {
  const visible = workspace.kind === 'none' ? readOnlyPaths : [workspace.path, ...readOnlyPaths]
  for (const source of sources) {
    if (source.kind !== 'file') continue
    const path = secretPath(source.path)
    const real = await realpath(path).catch(() => path)
    for (const shown of visible) {
      if (!isWithin(real, await realpath(shown).catch(() => shown)) && !isWithin(path, shown)) continue
      throw new BottleError('usage', `the credential file ${path} lies in ${shown}, which the bottle would see`, {
        hint: 'Keep it outside of what is handed into the bottle.',
      })
    }
  }
}
