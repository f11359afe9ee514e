/**
 * The real credentials of one bottle: of its providers and of its routes, each read once before anything is opened, so that
 * a start without one is refused.
 */
import { realpath } from 'node:fs/promises'
import { BottleError, messageOf } from '../core/errors.ts'
import type { EffectiveBottle } from '../core/manifest/definition.ts'
import { environmentNamesOf, readSecretSource, type SecretSourceReading } from '../core/routing/secret-source.ts'
import { type Credential, createCredential } from '../host/secrets/credential.ts'
import { secretPath } from '../host/secrets/secret-file.ts'
import type { CredentialOwner, Egress } from '../proxy/egress.ts'
import { isWithin } from '../sandbox/path-within.ts'
import type { Plan, StartRequest } from './api.ts'

type CredentialRequest = Pick<StartRequest, 'hostEnvironment' | 'workspace' | 'readOnlyPaths'>

/** What of the user's environment the sources need. A command gets all of it, as does what asks the keyring. */
export function environmentNeeds(bottle: EffectiveBottle): Pick<Plan, 'environmentNames' | 'wantsWholeEnvironment'> {
  const sources = sourcesOf(bottle)
  return {
    environmentNames: environmentNamesOf(sources),
    wantsWholeEnvironment: sources.some(({ kind }) => kind === 'command' || kind === 'keyring'),
  }
}

/** Throws BottleError `credential_missing`, or `usage` for a file that the bottle would see. */
export async function openCredentials(
  bottle: EffectiveBottle,
  { request, nowMs }: { readonly request: CredentialRequest; readonly nowMs: () => number },
): Promise<Egress['credentialOf']> {
  await refuseVisibleFiles(sourcesOf(bottle), request)
  const credentials = new Map<unknown, Credential>()
  const { hostEnvironment: environment } = request
  for (const { value } of bottle.providers) {
    const subject = `provider ${value.name}`
    credentials.set(value.name, createCredential({ subject, ...value.credential, environment, nowMs }))
  }
  for (const { value } of bottle.egress.routes) {
    if (!value.auth) continue
    const { scheme, secret } = value.auth
    const subject = `the route to ${value.host}`
    credentials.set(value.auth, createCredential({ subject, scheme, sources: [secret], environment, nowMs }))
  }
  await Promise.all([...credentials.values()].map(async (credential) => credential.read()))
  return (owner) => {
    const credential = credentials.get(keyOf(owner))
    if (!credential) throw new BottleError('credential_missing', 'there is no credential for this request')
    const read = credential.read()
    return typeof read === 'string' ? read : read.catch(tellBottle)
  }
}

/** Safety: a hint is for the user at the start; what a command printed is nothing for a bottle. */
function tellBottle(cause: unknown): never {
  throw new BottleError('credential_missing', messageOf(cause), { cause })
}

function keyOf(owner: CredentialOwner): unknown {
  return owner.kind === 'provider' ? owner.provider.name : owner.auth
}

function sourcesOf({ providers, egress }: EffectiveBottle): readonly SecretSourceReading[] {
  const texts = [
    ...providers.flatMap(({ value }) => value.credential.sources),
    ...egress.routes.flatMap(({ value }) => (value.auth ? [value.auth.secret] : [])),
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
