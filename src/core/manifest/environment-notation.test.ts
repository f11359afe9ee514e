import { expect, test } from 'vitest'
import { caVariables, proxyVariables } from '../../sandbox/child-environment.ts'
import { markVariable } from '../../sandbox/none/process-tree.ts'
import { variableFault } from './environment-notation.ts'

test.each([
  ...Object.keys(caVariables({ certificatePath: '/ca.pem', bundlePath: '/bundle.pem' })),
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
