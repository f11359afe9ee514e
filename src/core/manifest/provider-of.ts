/** From what a file says of a provider to the provider. */
import {
  type AgentProgram,
  type Endpoint,
  type Provider,
  type ProviderCredential,
  placeholderCredential,
} from '../provider/provider.ts'
import { builtInProviders } from '../provider/providers.ts'
import { signedIn } from '../provider/sign-in.ts'
import { standardEndpoints } from '../provider/standard-endpoints.ts'
import type { WrittenCredential, WrittenEndpoint, WrittenHost, WrittenProvider } from './definition.ts'

/** The file was checked by `provider-notation.ts`. */
export function providerOf(written: WrittenProvider): Provider {
  const base = signedInBase(written)
  const program = programOf(written, base?.program)
  const credential = written.credential ? credentialOf(written.credential) : base?.credential
  const hosts = written.hosts?.map((host) => ({ host: host.host, endpoints: endpointsOf(host) })) ?? base?.hosts
  if (!credential || !hosts) throw new Error(`provider ${written.name} has no credential or no hosts`)
  return {
    name: written.name,
    ...(base?.signIn && { signIn: base.signIn }),
    ...(program && { program }),
    hosts,
    credential,
    env: { ...base?.env, ...placeholders(written) },
    containedEnv: base?.containedEnv ?? {},
    homeFiles: base?.homeFiles ?? {},
    ...(base?.otherSignIns && !written.credential && { otherSignIns: base.otherSignIns }),
  }
}

/** The built-in provider of that name, with the ways to sign in that are left: all of them where none is said. */
function signedInBase({ name, signIn }: WrittenProvider): Provider | undefined {
  const base = builtInProviders.find((provider) => provider.name === name)
  if (!base || signIn === undefined) return base
  const { otherSignIns = [], ...first } = base
  if (signIn === 'api_key') return first
  const [subscription, ...others] = otherSignIns
  return subscription && { ...signedIn(base, subscription), otherSignIns: others }
}

function programOf(
  { command, install, prompt, continue: continueArguments }: WrittenProvider,
  base: AgentProgram | undefined,
): AgentProgram | undefined {
  const own = {
    ...(install && { installHint: install }),
    ...(prompt && { prompt }),
    ...(continueArguments && { continueArguments }),
  }
  if (base) return { ...base, ...own, ...(command && { command }) }
  return command && { installHint: '', prompt: { kind: 'none' }, continueArguments: [], ...own, command }
}

function credentialOf({ sources, scheme = { kind: 'bearer' } }: WrittenCredential): ProviderCredential {
  return { sources, scheme }
}

function placeholders({ env, credential }: WrittenProvider): Readonly<Record<string, string>> {
  const names = env ?? variablesOf(credential)
  return Object.fromEntries(names.map((name) => [name, placeholderCredential]))
}

function variablesOf(credential: WrittenCredential | undefined): readonly string[] {
  return (credential?.sources ?? [])
    .filter((source) => source.startsWith('env:'))
    .map((source) => source.slice('env:'.length))
}

function endpointsOf({ format, endpoints }: WrittenHost): readonly Endpoint[] {
  return endpoints?.map((endpoint) => endpointOf(endpoint, format)) ?? standardEndpoints[format]
}

function endpointOf({ method, path, kind, format }: WrittenEndpoint, ofHost: WrittenHost['format']): Endpoint {
  return kind === 'free' ? { method, path, kind } : { method, path, kind, format: format ?? ofHost }
}
