/** A repository must be whole once all definitions are merged; which file was to complete it nobody can know before. */
import type { GitGate, GitRepository, Origin, Problem, Sourced, WrittenRepository } from './definition.ts'
import { isSshUrl } from './git-notation.ts'
import type { Layer } from './layer.ts'
import { missing } from './notation.ts'

export function gitGateOf({ repositories: written, dropsRepositories: _, ...user }: Layer['git']): {
  readonly gate: GitGate
  readonly problems: readonly Problem[]
} {
  const repositories = new Map<string, Sourced<GitRepository>>()
  const problems: Problem[] = []
  for (const [name, repository] of written) {
    const whole = wholeRepository(repository)
    if (whole.kind === 'repository') repositories.set(name, { value: whole.repository, origin: repository.origin })
    else problems.push({ ...whole.origin, message: `git-gate.repos.${name}: ${whole.message}` })
  }
  return { gate: { ...user, repositories }, problems }
}

type Whole =
  | { readonly kind: 'repository'; readonly repository: GitRepository }
  | { readonly kind: 'problem'; readonly origin: Origin; readonly message: string }

function wholeRepository({ origin, url, identity, hostKey }: WrittenRepository): Whole {
  if (!url) return { kind: 'problem', origin, message: `${missing(['url'])}, here and in the parents` }
  if (!isSshUrl(url.value)) {
    const extra = identity ?? hostKey
    if (!extra) return { kind: 'repository', repository: { url: url.value } }
    return {
      kind: 'problem',
      origin: extra.origin,
      message: `${url.value} is not reached by SSH, so it has no identity and no host_key; remove them, or write the URL as git@HOST:PATH`,
    }
  }
  if (!identity || !hostKey) {
    const absent = [...(identity ? [] : ['identity']), ...(hostKey ? [] : ['host_key'])]
    return { kind: 'problem', origin, message: `${missing(absent)}, here and in the parents` }
  }
  return { kind: 'repository', repository: { url: url.value, identity: identity.value, hostKey: hostKey.value } }
}
