/** `bottles/NAME.md`: what one file says. Its body is a comment. */
import { builtInProviders } from '../provider/providers.ts'
import { budgetsNotation, shutdown } from './budget-notation.ts'
import { key, mapping, oneOrMany } from './collection-notations.ts'
import type { BottleFile, Problem, WrittenBottle } from './definition.ts'
import { definitionNameFault, definitionNamePattern } from './definition-name.ts'
import { egress } from './egress-notation.ts'
import { env } from './environment-notation.ts'
import { splitFrontmatter } from './frontmatter.ts'
import { gitGate } from './git-notation.ts'
import { limitsNotation } from './limits-notation.ts'
import { converted, sourced } from './notation.ts'
import { agentProvider } from './provider-notation.ts'
import { readDocument } from './read-document.ts'
import { text, truth } from './scalar-notations.ts'

export type ParsedBottle =
  | { readonly kind: 'bottle'; readonly bottle: BottleFile }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export interface DefinitionSource {
  /** The name of the file without `.md`. */
  readonly name: string
  /** As problems show it. */
  readonly file: string
}

const maxParents = 32

export const definitionName = text({
  expected: 'the name of a definition',
  fault: definitionNameFault,
  schema: { pattern: definitionNamePattern },
})

export const bottleKeys = {
  extends: key(
    'One bottle, or several, whose rules this one adds to; of several the later wins over the earlier.',
    oneOrMany(sourced(definitionName), { of: 'names', maxItems: maxParents }),
  ),
  agent_provider: key(
    'Who bills the tokens: the name of a built-in provider, a mapping for an own one, or a list of these. Takes the place of what the parents say.',
    agentProvider,
  ),
  env,
  egress: key('What the bottle may reach besides its provider.', egress),
  'git-gate': key('Who commits, and repositories that are reached through the host.', gitGate),
  budget: key(
    'Tokens by provider, for all bottles that run with this definition or one that extends it.',
    budgetsNotation(builtInProviders.map(({ name }) => name)),
  ),
  limits: key('What it may use of the host.', limitsNotation),
  nested_sandbox: key(
    'Whether programs may make sandboxes of their own (bwrap, unshare): a larger part of the kernel is theirs then. Default: false.',
    sourced(truth),
  ),
  shutdown,
  supervise: key('Whether the agent may ask an operator for more. Plays no part in budgets.', sourced(truth)),
}

/** What was a key once, or belongs into another file. */
const advice: Readonly<Record<string, string>> = {
  runtime: '"runtime" is no longer a key: which sandbox runs a bottle is chosen at its start (--sandbox); remove it',
  ssh: '"ssh" is no longer a key: name the repositories under "git-gate: {repos: …}", each with url, identity and host_key; the key stays on the host',
  git: '"git" is now "git-gate": move "user" below it as it is, and each of "remotes" below "repos" with url, identity and host_key',
  git_user: '"git_user" is now "user" below "git-gate"',
  bottle: '"bottle" is a key of agents; a bottle builds on others by "extends"',
  command: '"command" is a key of agents (agents/NAME.md), and of "agent_provider"',
  description: '"description" is a key of agents; what is below the frontmatter of a bottle is a free comment',
  routes: '"routes" belongs below "egress"',
  repos: '"repos" belongs below "git-gate"',
  period: '"period" belongs below the provider in "budget": {limit: …, period: …}, or into settings.yml',
  always: '"always" belongs below the provider in "budget": {limit: …, always: true}',
  provider: '"provider" is no key; did you mean "agent_provider"?',
}

export const bottleNotation = converted(mapping(bottleKeys, advice), {
  from({ 'git-gate': git = {}, agent_provider, nested_sandbox, supervise, shutdown: policy, ...said }): WrittenBottle {
    return {
      extends: said.extends ?? [],
      env: said.env ?? new Map(),
      ...(agent_provider && { providers: agent_provider }),
      git,
      egress: said.egress ?? { routes: [] },
      ...(nested_sandbox && { nestedSandbox: nested_sandbox }),
      ...(supervise && { supervise }),
      budgets: said.budget ?? [],
      limits: said.limits ?? {},
      ...(policy && { shutdown: policy }),
    }
  },
  to({
    extends: parents,
    providers,
    git,
    egress: rules,
    budgets,
    limits,
    env: variables,
    nestedSandbox,
    supervise,
    shutdown: policy,
  }: WrittenBottle) {
    return {
      ...(parents.length > 0 && { extends: parents }),
      ...(providers && { agent_provider: providers }),
      ...(variables.size > 0 && { env: variables }),
      ...((rules.routes.length > 0 || rules.log || rules.unlistedEndpoints) && { egress: rules }),
      ...(Object.keys(git).length > 0 && { 'git-gate': git }),
      ...(budgets.length > 0 && { budget: budgets }),
      ...(Object.keys(limits).length > 0 && { limits }),
      ...(nestedSandbox && { nested_sandbox: nestedSandbox }),
      ...(policy && { shutdown: policy }),
      ...(supervise && { supervise }),
    }
  },
})

export function parseBottleFile(fileText: string, { name, file }: DefinitionSource): ParsedBottle {
  const parts = splitFrontmatter(fileText)
  if (parts.kind === 'invalid') return { kind: 'invalid', problems: [problemAt(file, parts)] }
  const read = readDocument(parts.yaml, file, bottleNotation)
  if (read.kind === 'invalid') return read
  return { kind: 'bottle', bottle: { name, origin: { file, line: 1, column: 1 }, ...read.value } }
}

export function problemAt(
  file: string,
  { line, column, message }: { readonly line: number; readonly column: number; readonly message: string },
): Problem {
  return { file, line, column, message }
}
