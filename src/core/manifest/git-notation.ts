/** `git-gate`: who commits, and the repositories that are reached without the bottle ever holding a key. */
import { quote } from './bounded-yaml.ts'
import { key, mapping, named } from './collection-notations.ts'
import type { GitUser, WrittenGitGate, WrittenRepository } from './definition.ts'
import { converted, originOf, sourced } from './notation.ts'
import { text } from './scalar-notations.ts'

const person = (expected: string) =>
  sourced(
    text({
      expected,
      fault: (written) =>
        /[<>\n\0]/.test(written) ? 'has a character that git does not take: <, > or a line end' : undefined,
    }),
  )

export const userKeys = {
  name: key('user.name of git in the bottle.', person('a name')),
  email: key('user.email of git in the bottle.', person('an address')),
}

const url = text({
  expected: 'the URL of a repository',
  fault(written) {
    if (isSshUrl(written) || isHttpsUrl(written)) return undefined
    return 'is no URL of a repository; write git@HOST:PATH, ssh://git@HOST[:PORT]/PATH or https://HOST/PATH, without a password'
  },
})

export function isSshUrl(written: string): boolean {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:(?!\/\/)[^\s\0:-][^\s\0]*$/.test(written)) return true
  return hasShape(written, 'ssh:') && !/^ssh:\/\/-/.test(written)
}

function isHttpsUrl(written: string): boolean {
  return hasShape(written, 'https:') && new URL(written).username === ''
}

function hasShape(written: string, protocol: string): boolean {
  if (!URL.canParse(written) || /[\s\0]/.test(written)) return false
  const parsed = new URL(written)
  return parsed.protocol === protocol && parsed.hostname !== '' && parsed.password === '' && parsed.pathname.length > 1
}

const identity = text({
  expected: 'the path of a private key on the host',
  fault: (written) =>
    /^(?:~\/|\/)[^\0]*[^/\0]$/.test(written) ? undefined : 'is no absolute path; begin it with / or ~/',
})

const hostKey = text({
  expected: "the server's public key such as ssh-ed25519 AAAA…",
  fault(written) {
    if (/^(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ AAAA[A-Za-z0-9+/]{16,}={0,3}$/.test(written)) return undefined
    const withoutHost = /^\S+\s+((?:ssh|ecdsa|sk)-\S+)\s+(AAAA\S+)/.exec(written)
    if (withoutHost) return `names the host too; write only ${withoutHost[1]} AAAA…`
    return 'is no public key; write its type and the key as ssh-keyscan prints them after the host'
  },
})

export const repositoryKeys = {
  url: key('git@HOST:PATH, ssh://git@HOST[:PORT]/PATH or https://HOST/PATH.', sourced(url)),
  identity: key('Path of the private key on the host. The bottle never sees it.', sourced(identity)),
  host_key: key("The server's public key: what ssh-keyscan prints, without the host.", sourced(hostKey)),
}

const repository = converted(mapping(repositoryKeys), {
  from: ({ url: from, identity: path, host_key }, node, reading): WrittenRepository => ({
    origin: originOf(node, reading),
    ...(from && { url: from }),
    ...(path && { identity: path }),
    ...(host_key && { hostKey: host_key }),
  }),
  to: ({ url: from, identity: path, hostKey: publicKey }) => ({
    ...(from && { url: from }),
    ...(path && { identity: path }),
    ...(publicKey && { host_key: publicKey }),
  }),
})

const repositoryName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

const user = converted(mapping(userKeys), {
  from: ({ name, email }): GitUser => ({ ...(name && { userName: name }), ...(email && { userEmail: email }) }),
  to: ({ userName, userEmail }) => ({ ...(userName && { name: userName }), ...(userEmail && { email: userEmail }) }),
})

export const gitGateKeys = {
  user: key('Who commits.', user),
  repos: key(
    'Repositories by a name of your own. A parent has the fields that a child leaves out; "repos: {}" drops all of the parents.',
    named({
      value: () => repository,
      name: (written) =>
        repositoryName.test(written)
          ? { kind: 'name', name: written }
          : { kind: 'fault', why: `${quote(written)} is no name of a repository: letters, digits, ., - and _` },
      schema: { propertyNames: { pattern: repositoryName.source }, value: repository.schema },
    }),
  ),
}

export const gitGate = converted(mapping(gitGateKeys), {
  from: ({ user: who, repos }): WrittenGitGate => ({ ...who, ...(repos && { repositories: repos }) }),
  to: ({ repositories, ...who }) => ({
    ...(Object.keys(who).length > 0 && { user: who }),
    ...(repositories && { repos: repositories }),
  }),
})

/** An agent has no repositories of its own. */
export const agentGitGate = converted(
  mapping({ user: gitGateKeys.user }, { repos: '"repos" is for bottles: write it into bottles/NAME.md' }),
  {
    from: ({ user: who = {} }): GitUser => who,
    to: (who) => ({ user: who }),
  },
)
