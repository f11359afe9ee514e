import { expect, it } from 'vitest'
import { hostRisk } from './host-risk.ts'

const nowhere = () => false

it.each([
  ['.git/hooks/pre-commit', 'git'],
  ['.git/hooks/anything', 'git'],
  ['sub/module/.git/config', 'git'],
  ['.GIT/Config', 'git'],
  ['.git/modules/lib/config', 'git'],
  ['.git/modules/lib/hooks/post-checkout', 'git'],
  ['.git/info/attributes', 'git'],
  ['.git/commondir', 'git'],
  ['.git', 'git'],
  ['sub/.git', 'git'],
  ['tools/hooks/post-merge', 'git'],
  ['.husky/pre-push', 'git'],
  ['.vscode/tasks.json', 'your editor'],
  ['packages/a/.vscode/settings.json', 'your editor'],
  ['project.code-workspace', 'your editor'],
  ['.mcp.json', 'an agent on your host'],
  ['.claude/settings.json', 'an agent on your host'],
  ['.envrc', 'your shell'],
  ['.npmrc', 'npm'],
  ['.bot-bottle/agents/a.md', 'bot-bottle'],
])('tells that %s is obeyed (S11)', (path, runner) => {
  expect(hostRisk(path, nowhere)).toBe(runner)
})

it.each([
  'src/index.ts',
  'config',
  'src/config',
  'hooks/use-state.ts',
  '.gitignore',
  '.github/workflows/ci.yml',
  '.git/HEAD',
  '.git/index',
  '.git/objects/ab/cdef',
  '.git/refs/heads/main',
  '.git/logs/HEAD',
  'docs/vscode/tasks.json',
  'constructor',
])('takes %s for what it is', (path) => {
  expect(hostRisk(path, nowhere)).toBeUndefined()
})

it('tells the configuration of a repository that has no name of its own (S11)', () => {
  const isRepository = (folder: string) => folder === 'vendor/lib'
  expect(hostRisk('vendor/lib/config', isRepository)).toBe('git')
  expect(hostRisk('vendor/other/config', isRepository)).toBeUndefined()
})
