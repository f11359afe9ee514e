import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bottleProblems } from '../../../test/fakes/bottle-text.ts'
import { parseBottleFile } from './parse-bottle.ts'

describe('agent_provider', () => {
  test('is an own provider, with the usual endpoints of its format or with its own', () => {
    const text = readFileSync(new URL('fixtures/own-provider.md', import.meta.url), 'utf8')
    const parsed = parseBottleFile(text, { name: 'own', file: 'own.md' })
    const [provider] = parsed.kind === 'bottle' ? (parsed.bottle.providers ?? []) : []
    expect(provider?.value).toEqual({
      name: 'local-model',
      command: ['my-agent', '--quiet'],
      install: 'Install it: pip install my-agent',
      hosts: [
        { host: 'models.example.com', format: 'openai-responses' },
        {
          host: 'old.example.com',
          format: 'anthropic-messages',
          endpoints: [
            { method: 'POST', path: '/api/v2/messages', kind: 'metered' },
            { method: 'POST', path: '/api/v2/responses', kind: 'metered', format: 'openai-responses' },
            { method: '*', path: '/api/v2/info/**', kind: 'free' },
          ],
        },
      ],
      credential: {
        sources: ['env:MODEL_KEY', 'file:~/.config/model'],
        scheme: { kind: 'header', name: 'x-model-key' },
      },
      prompt: { kind: 'home_file', path: '.agent/PROMPT.md' },
      continue: ['--resume'],
    })
  })

  const own = (more: string) =>
    `agent_provider: {name: own-one, hosts: [{host: a.test, format: anthropic-messages}], credential: {secret: env:K}${more}}`

  test('needs no more than a name, a host with its format, and a credential', () => {
    expect(bottleProblems(own(''))).toEqual([])
  })

  test.each([
    [
      'an unknown name',
      'agent_provider: cluade',
      '2:17: agent_provider: "cluade" is no built-in provider; did you mean "claude"?',
    ],
    ['an own one by its name alone', 'agent_provider: mistral', 'is no built-in provider; known are claude, codex'],
    [
      'a name that is nearly a built-in one',
      'agent_provider: {name: claud}',
      'the name claud is so like the built-in claude',
    ],
    [
      'an own one without hosts',
      'agent_provider: {name: mistral}',
      '2:17: agent_provider: "hosts" and "credential" are missing: mistral is no built-in provider',
    ],
    [
      'hosts of a built-in one',
      'agent_provider: {name: claude, hosts: [{host: a.test, format: anthropic-messages}]}',
      'the hosts of the built-in provider claude are its own',
    ],
    [
      'the host of a built-in one',
      'agent_provider: {name: own-one, hosts: [{host: api.anthropic.com, format: anthropic-messages}], credential: {secret: env:K}}',
      'api.anthropic.com is a host of the built-in provider claude',
    ],
    [
      'a subscription where there is none',
      'agent_provider: {name: gemini, sign_in: subscription}',
      'gemini is signed in with an API key only; remove sign_in',
    ],
    [
      'a credential beside what its program has',
      'agent_provider: {name: codex, sign_in: subscription, credential: {secret: env:K}}',
      'its subscription is what codex on the host signed in with; remove credential',
    ],
    [
      'a sign-in of an own one',
      own('').replace('name:', 'sign_in: subscription, name:'),
      'sign_in is for a built-in provider (claude, codex, gemini); remove it',
    ],
    ['one twice', 'agent_provider: [claude, codex, claude]', '2:33: agent_provider: claude is given twice; keep one'],
    ['an unknown format', own('').replace('anthropic-messages', 'anthropic'), 'agent_provider.hosts.format: expected'],
    [
      'a host with a wildcard',
      own('').replace('a.test', '"*.a.test"'),
      'agent_provider.hosts.host: the text "*.a.test" is no host name',
    ],
    [
      'only free endpoints',
      own('').replace('messages}', 'messages, endpoints: [{method: GET, path: /, kind: free}]}'),
      'none of its endpoints is metered',
    ],
    [
      'a free endpoint with a format',
      own('').replace(
        'messages}',
        'messages, endpoints: [{method: GET, path: /, kind: free, format: anthropic-messages}]}',
      ),
      'a free endpoint is not metered, so it has no format',
    ],
    [
      'a credential that is written out',
      own('').replace('env:K', 'sk-secret-key'),
      'agent_provider.credential.secret: what is written here does not say where the credential is',
    ],
    [
      'a header without its scheme',
      own('').replace('env:K', 'env:K, header: x-key'),
      'a header belongs to the scheme header; write "scheme: header"',
    ],
    [
      'the scheme header without a name',
      own('').replace('env:K', 'env:K, scheme: header'),
      'a header belongs to the scheme header; name it: header: NAME',
    ],
    [
      'a header that frames the message',
      own('').replace('env:K', 'env:K, scheme: header, header: Content-Length'),
      '"Content-Length" is a header that cannot carry a credential',
    ],
    [
      'two ways of the prompt',
      own(', command: [x], prompt: {argument: -p, environment: P}'),
      'give one of argument, home_file and environment',
    ],
    ['a prompt outside the home', own(', command: [x], prompt: {home_file: ../x}'), 'is no path below the home'],
    [
      'a prompt without a program',
      own(', prompt: {argument: -p}'),
      'install, prompt and continue are about a program; name it',
    ],
    [
      'a command in one text',
      own(', command: my-agent --quiet'),
      'agent_provider.command: found one text with spaces; write its words as a list: [my-agent, --quiet]',
    ],
    ['an empty command', own(', command: []'), 'agent_provider.command: expected a list of words, found an empty one'],
    [
      'a placeholder in a variable of the sandbox',
      own(', env: PATH'),
      'agent_provider.env: "PATH" is set by the sandbox',
    ],
  ])('refuses %s', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
  })
})
