/** `agent_provider`: a built-in provider by its name, a built-in one with some things said otherwise, or an own one. */
import { didYouMean } from '../did-you-mean.ts'
import type { WireFormatName } from '../metering/format.ts'
import { wireFormats } from '../metering/formats/formats.ts'
import type { WritableScheme } from '../provider/provider.ts'
import { builtInProviders, knownProviders } from '../provider/providers.ts'
import { hostOwner } from '../routing/decide.ts'
import { key, list, mapping, oneOrMany, requiredKey } from './collection-notations.ts'
import type { Sourced, WrittenCredential, WrittenEndpoint, WrittenHost, WrittenProvider } from './definition.ts'
import { definitionNameFault, definitionNamePattern } from './definition-name.ts'
import { variableFault } from './environment-notation.ts'
import { anyMethod, commandOf, headerName, hostName, pathPattern, providerSchemes, secrets } from './http-notations.ts'
import { converted, missing, type Notation, type Reading, sourced, suggestion, wrong } from './notation.ts'
import { oneOf, text } from './scalar-notations.ts'

const maxProviders = 8
const maxHosts = 16
const maxEndpoints = 200
const maxVariables = 32
const maxArguments = 32

const builtInNames = builtInProviders.map(({ name }) => name)
const format = oneOf(Object.keys(wireFormats) as readonly WireFormatName[]) // the keys of that record

export const endpointKeys = {
  method: requiredKey('A method, or * for any.', anyMethod),
  path: requiredKey('A path or pattern, as in routes.', pathPattern),
  kind: requiredKey('metered: its tokens are charged. free: it passes.', oneOf(['metered', 'free'])),
  format: key("For a metered one: its wire format. Default: the host's.", format),
}

const endpoint = converted(mapping(endpointKeys), {
  from(written, node, reading): WrittenEndpoint | undefined {
    if (written.kind === 'metered' || !written.format) return written
    return wrong(node, reading, 'a free endpoint is not metered, so it has no format; remove it')
  },
  to: (written) => written,
})

export const hostKeys = {
  host: requiredKey('One host name.', hostName),
  format: requiredKey('How its metered endpoints speak.', format),
  endpoints: key(
    'Whatever is not listed is refused; the first that matches counts. Default: those that are usual for the format.',
    list(endpoint, { of: 'endpoints', minItems: 1, maxItems: maxEndpoints }),
  ),
}

const host = converted(mapping(hostKeys), {
  from(written, node, reading): WrittenHost | undefined {
    const owner = hostOwner(knownProviders, written.host)?.provider.name
    if (owner) {
      return wrong(
        node,
        reading,
        `${written.host} is a host of the built-in provider ${owner}; write "name: ${owner}" and leave the hosts out`,
      )
    }
    if (written.endpoints?.every(({ kind }) => kind === 'free')) {
      return wrong(
        node,
        reading,
        'none of its endpoints is metered; a host where nothing is charged is a route under egress',
      )
    }
    return written
  },
  to: (written) => written,
})

export const credentialKeys = {
  secret: requiredKey(
    'Where the host keeps the credential: env:NAME, file:PATH, keyring:SERVICE or command:…; of several the first that has one.',
    secrets,
  ),
  scheme: key('How the proxy presents it. Default: bearer.', providerSchemes),
  header: key('For the scheme header: its name.', headerName),
}

const credential = converted(mapping(credentialKeys), {
  from({ secret, scheme, header }, node, reading): WrittenCredential | undefined {
    const [first, ...rest] = secret
    if (first === undefined) return undefined
    if ((scheme === 'header') !== (header !== undefined)) {
      const advice = header === undefined ? 'name it: header: NAME' : 'write "scheme: header", or remove it'
      return wrong(node, reading, `a header belongs to the scheme header; ${advice}`)
    }
    return { sources: [first, ...rest], ...(scheme && { scheme: schemeOf(scheme, header) }) }
  },
  to({ sources, scheme }) {
    if (!scheme || scheme.kind === 'bearer') return { secret: sources, ...(scheme && { scheme: 'bearer' as const }) }
    if (scheme.name === 'x-api-key') return { secret: sources, scheme: 'x-api-key' as const }
    return { secret: sources, scheme: 'header' as const, header: scheme.name }
  },
})

function schemeOf(scheme: 'bearer' | 'x-api-key' | 'header', header = 'x-api-key'): WritableScheme {
  return scheme === 'bearer' ? { kind: 'bearer' } : { kind: 'header', name: header }
}

const variableName = text({ expected: 'the name of a variable', fault: variableFault })

const argument = text({ expected: 'a word', mayBeEmpty: true })

export const promptKeys = {
  argument: key('As an argument: the flag before it.', text({ expected: 'a flag such as --system-prompt' })),
  home_file: key(
    "As a file: its path in the bottle's home.",
    text({
      expected: 'a path in the home, such as .agent/PROMPT.md',
      fault: (path) =>
        path.startsWith('/') || path.split('/').some((part) => ['', '.', '..', '~'].includes(part))
          ? 'is no path below the home; write e.g. .agent/PROMPT.md'
          : undefined,
    }),
  ),
  environment: key('As a variable: its name.', variableName),
}

type WrittenPrompt = NonNullable<WrittenProvider['prompt']>

const prompt = converted(mapping(promptKeys), {
  from({ argument: flag, home_file: path, environment: name }, node, reading): WrittenPrompt | undefined {
    const ways: readonly WrittenPrompt[] = [
      ...(flag === undefined ? [] : [{ kind: 'argument', flag } as const]),
      ...(path === undefined ? [] : [{ kind: 'home_file', path } as const]),
      ...(name === undefined ? [] : [{ kind: 'environment', name } as const]),
    ]
    return ways.length === 1 ? ways[0] : wrong(node, reading, 'give one of argument, home_file and environment')
  },
  to(way) {
    if (way.kind === 'argument') return { argument: way.flag }
    return way.kind === 'home_file' ? { home_file: way.path } : { environment: way.name }
  },
})

export const providerKeys = {
  name: requiredKey(
    'The key of its budgets.',
    text({ expected: 'a name', fault: definitionNameFault, schema: { pattern: definitionNamePattern } }),
  ),
  command: key("Its agent's program and fixed arguments.", commandOf('a program such as my-agent')),
  install: key('How to install the program, as a sentence.', text({ expected: 'a sentence' })),
  hosts: key('Where it is reached.', list(host, { of: 'hosts', minItems: 1, maxItems: maxHosts })),
  credential: key('What the proxy presents there.', credential),
  sign_in: key(
    'Of a built-in provider: api_key, or subscription, which is what its program on the host is signed in with. Default: the first that the host has.',
    oneOf(['api_key', 'subscription']),
  ),
  env: key(
    'Variables that hold a placeholder inside the bottle, where clients look for a credential. Default: those of credential.secret.',
    oneOrMany(variableName, { of: 'variables', maxItems: maxVariables }),
  ),
  prompt: key("How the program is given the agent's prompt. Default: not at all.", prompt),
  continue: key(
    'Arguments that make the program go on with its last conversation.',
    oneOrMany(argument, { of: 'words', maxItems: maxArguments }),
  ),
}

const fullProvider = converted(mapping(providerKeys), {
  from({ sign_in: signIn, ...rest }, node, reading): WrittenProvider | undefined {
    const written = { ...rest, ...(signIn && { signIn }) }
    const problem = builtInFault(written) ?? ownFault(written)
    return problem ? wrong(node, reading, problem) : written
  },
  to: ({ signIn, ...written }) => ({ ...written, ...(signIn && { sign_in: signIn }) }),
})

function builtInFault({ name, hosts, signIn, credential: own }: WrittenProvider): string | undefined {
  const provider = builtInProviders.find((one) => one.name === name)
  if (!provider) return undefined
  if (hosts) return `the hosts of the built-in provider ${name} are its own; remove them, or choose another name`
  if (signIn !== 'subscription') return undefined
  const [first] = provider.otherSignIns ?? []
  if (!first) return `${name} is signed in with an API key only; remove sign_in`
  return own && first.credential.login
    ? `its subscription is what ${name} on the host signed in with; remove credential`
    : undefined
}

function ownFault({ name, hosts, credential: own, signIn, ...program }: WrittenProvider): string | undefined {
  if (builtInNames.includes(name)) return undefined
  if (signIn) return `sign_in is for a built-in provider (${builtInNames.join(', ')}); remove it`
  const alike = didYouMean(name, builtInNames)
  if (alike !== undefined) {
    return `the name ${name} is so like the built-in ${alike} that a slip in a budget would not be noticed; did you mean ${alike}? Else choose another name`
  }
  const absent = [...(hosts ? [] : ['hosts']), ...(own ? [] : ['credential'])]
  if (absent.length > 0) return `${missing(absent)}: ${name} is no built-in provider`
  const isAboutProgram = program.install ?? program.prompt ?? program.continue
  return isAboutProgram && !program.command
    ? 'install, prompt and continue are about a program; name it: command: […]'
    : undefined
}

const provider: Notation<WrittenProvider> = {
  read(node, reading) {
    if (node.kind === 'mapping') return fullProvider.read(node, reading)
    const name = builtInName.read(node, reading)
    return name === undefined ? undefined : { name }
  },
  print: (written) => (Object.keys(written).length === 1 ? written.name : fullProvider.print(written)),
  schema: { anyOf: [{ enum: builtInNames }, fullProvider.schema] },
}

const builtInName = text({
  expected: `the name of a provider (${builtInNames.join(', ')}), or a mapping that describes one`,
  fault: (written) =>
    builtInNames.includes(written)
      ? undefined
      : `is no built-in provider; ${suggestion(written, builtInNames)}; an own one is a mapping with name, hosts and credential`,
})

export const agentProvider = converted(oneOrMany(sourced(provider), { of: 'providers', maxItems: maxProviders }), {
  from: (providers, _node, reading) => (hasTwice(providers, reading) ? undefined : providers),
  to: (providers) => providers,
})

function hasTwice(providers: readonly Sourced<WrittenProvider>[], reading: Reading): boolean {
  const twice = providers.filter(
    ({ value }, index) => providers.findIndex((one) => one.value.name === value.name) < index,
  )
  for (const { value, origin } of twice) wrong(origin, reading, `${value.name} is given twice; keep one`)
  return twice.length > 0
}
