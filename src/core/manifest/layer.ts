/**
 * What definitions say, one laid over the other. Variables go by name, the git user and limits by field, repositories by name and
 * field, routes are appended, and of everything else the nearer one holds.
 *
 * **Invariant** `overlay` is associative, and `emptyLayer` changes nothing: only the order of definitions matters.
 */
import type { BottleFile, EgressRules, WrittenGitGate, WrittenRepository } from './definition.ts'

export interface Layer
  extends Pick<BottleFile, 'env' | 'providers' | 'egress' | 'limits' | 'nestedSandbox' | 'supervise' | 'shutdown'> {
  readonly git: Omit<WrittenGitGate, 'repositories'> & {
    readonly repositories: ReadonlyMap<string, WrittenRepository>
    /** The repositories of what lies farther are dropped. */
    readonly dropsRepositories: boolean
  }
}

export const emptyLayer: Layer = {
  env: new Map(),
  git: { repositories: new Map(), dropsRepositories: false },
  egress: { routes: [] },
  limits: {},
}

export function layerOf({
  env,
  providers,
  git,
  egress,
  limits,
  nestedSandbox,
  supervise,
  shutdown,
}: BottleFile): Layer {
  const { repositories, ...user } = git
  return {
    env,
    ...(providers && { providers }),
    git: { ...user, repositories: repositories ?? new Map(), dropsRepositories: repositories?.size === 0 },
    egress,
    limits,
    ...(nestedSandbox && { nestedSandbox }),
    ...(supervise && { supervise }),
    ...(shutdown && { shutdown }),
  }
}

export function overlay(far: Layer, near: Layer): Layer {
  return {
    ...far,
    ...near,
    env: new Map([...far.env, ...near.env]),
    git: overlayGit(far.git, near.git),
    egress: overlayEgress(far.egress, near.egress),
    limits: { ...far.limits, ...near.limits },
  }
}

function overlayGit(far: Layer['git'], near: Layer['git']): Layer['git'] {
  const merged = { ...far, ...near }
  if (near.dropsRepositories) return merged
  const repositories = new Map(far.repositories)
  for (const [name, repository] of near.repositories) {
    repositories.set(name, { ...repositories.get(name), ...repository })
  }
  return { ...merged, repositories, dropsRepositories: far.dropsRepositories }
}

function overlayEgress(far: EgressRules, near: EgressRules): EgressRules {
  return { ...far, ...near, routes: [...far.routes, ...near.routes] }
}
