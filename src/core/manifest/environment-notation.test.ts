import { describe, expect, test } from 'vitest'
import { bottleProblems, bottleSaying } from '../../../test/fakes/bottle-text.ts'
import { caVariables, proxyVariables } from '../../sandbox/child-environment.ts'
import { markVariable } from '../../sandbox/none/process-tree.ts'
import { variableFault } from './environment-notation.ts'

test.each([
  ...Object.keys(caVariables({ certificatePath: '/ca.pem', bundlePath: '/bundle.pem', trustStorePath: '/bundle.p12' })),
  ...Object.keys(proxyVariables(3128)),
  markVariable,
])('%s, which the sandbox sets, is not for a file to set', (name) => {
  expect(variableFault(name)).toBeDefined()
})

test.each(['LANG', 'TERM', 'NODE_OPTIONS', 'LD_LIBRARY_PATH', 'TMPDIR', 'A', '_', 'a1'])('%s may be set', (name) => {
  expect(variableFault(name)).toBeUndefined()
})

test.each(['', '1A', 'A-B', 'A B', 'Ä', 'A=B', 'x'.repeat(129)])('"%s" is no name of a variable', (name) => {
  expect(variableFault(name)).toContain('is no name of a variable')
})

describe('env', () => {
  test.each([
    ['a text', 'A: "x"', { kind: 'text', text: 'x' }],
    ['an empty text', 'A: ""', { kind: 'text', text: '' }],
    ['a plain text', 'A: some words', { kind: 'text', text: 'some words' }],
    ['a text that begins with a question mark', 'A: "??x"', { kind: 'text', text: '?x' }],
    ['a question', 'A: "?Which branch?"', { kind: 'ask', message: 'Which branch?', isSecret: false }],
    ['a question for a secret', 'A: "?! Which word?"', { kind: 'ask', message: 'Which word?', isSecret: true }],
    [
      'a question whose variable is named like a secret',
      'DB_PASSWORD: "?Which?"',
      { kind: 'ask', message: 'Which?', isSecret: true },
    ],
    [
      'options of Node, which change what runs inside only',
      'NODE_OPTIONS: --max-old-space-size=4096',
      { kind: 'text', text: '--max-old-space-size=4096' },
    ],
  ])('takes %s', (_, line, expected) => {
    const [found] = bottleSaying(`env:\n  ${line}`).env.values()
    expect(found?.value).toEqual(expected)
  })

  test.each([
    ['a number', 'env: {PORT: 8080}', '2:13: env.PORT: found 8080, which is no text in YAML; write "8080"'],
    ['a truth value', 'env: {CI: true}', '2:11: env.CI: found true, which is no text in YAML; write "true"'],
    ['nothing', 'env:\n  CI:', 'env.CI: found nothing; expected a text, or a question for the start'],
    [
      'a list',
      'env: {A: [x]}',
      '2:10: env.A: expected a text, or a question for the start such as "?Which branch?", found a list',
    ],
    [
      'a question without words',
      'env: {A: "?"}',
      '2:10: env.A: "?" asks nothing; write the question after it, e.g. "?Which A?"',
    ],
    ['a NUL', 'env: {A: "x\\0y"}', 'has a NUL character'],
    ['a name with a dash', 'env: {MY-VAR: x}', '2:7: env: "MY-VAR" is no name of a variable'],
    [
      'HOME',
      'env: {HOME: /root}',
      '2:7: env: "HOME" is set by the sandbox, whose paths and user are not those of the host',
    ],
    [
      'a proxy',
      'env: {https_proxy: "http://x"}',
      'env: "https_proxy" is set by the sandbox: the only way out of a bottle is its own proxy',
    ],
    [
      'a CA',
      'env: {NODE_EXTRA_CA_CERTS: /x}',
      'env: "NODE_EXTRA_CA_CERTS" is set by the sandbox: without the bottle\'s own certificate',
    ],
    ['LD_PRELOAD', 'env: {LD_PRELOAD: /x.so}', 'env: "LD_PRELOAD" puts code into every program'],
    ['what JavaScript takes for its own', 'env: {__proto__: x}', 'env: "__proto__" is no name that can be passed on'],
    ['our own', 'env: {BOT_BOTTLE_MARK: x}', `env: "BOT_BOTTLE_MARK" is one of bot-bottle's own variables`],
    ['one twice', 'env: {A: x, A: y}', '2:13: this key is given twice; keep one'],
  ])('refuses %s', (_, yaml, expected) => {
    expect(bottleProblems(yaml)).toEqual([expect.stringContaining(expected)])
  })
})
