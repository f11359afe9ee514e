import { describe, expect, test } from 'vitest'
import { bottleProblems } from '../../../test/fakes/bottle-text.ts'

describe('git-gate', () => {
  const repo = (fields: string) => `git-gate: {repos: {site: {${fields}}}}`

  test.each([
    'git@git.example.com:team/site.git',
    'ssh://git@git.example.com:2222/team/site.git',
    'https://git.example.com/team/site.git',
  ])('takes the URL %s', (url) => {
    expect(bottleProblems(repo(`url: "${url}"`))).toEqual([])
  })

  test.each([
    [
      'a URL with a password',
      repo('url: "https://me:secret@git.example.com/a"'),
      'git-gate.repos.site.url: the text "https://me:secret@git.example.com/a" is no URL of a repository',
    ],
    ['a URL that is an option of ssh', repo('url: "ssh://-oProxyCommand=x/a"'), 'is no URL of a repository'],
    ['a path', repo('url: /srv/site.git'), 'is no URL of a repository'],
    ['an ext transport', repo('url: "ext::sh -c x"'), 'is no URL of a repository'],
    [
      'a relative identity',
      repo('identity: id_ed25519'),
      'git-gate.repos.site.identity: "id_ed25519" is no absolute path; begin it with / or ~/',
    ],
    [
      'a line of known_hosts',
      repo('host_key: git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE'),
      'names the host too; write only ssh-ed25519 AAAA…',
    ],
    [
      'a fingerprint',
      repo('host_key: "SHA256:abc"'),
      'git-gate.repos.site.host_key: the text "SHA256:abc" is no public key',
    ],
    [
      'a name with a slash',
      'git-gate: {repos: {a/b: {url: git@a.test:b}}}',
      'git-gate.repos: "a/b" is no name of a repository',
    ],
    [
      'a user with brackets',
      'git-gate: {user: {email: <a@b.test>}}',
      'git-gate.user.email: "<a@b.test>" has a character that git does not take',
    ],
    ['remotes', 'git-gate: {remotes: {}}', 'git-gate: unknown key "remotes"'],
  ])('refuses %s', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
  })
})
