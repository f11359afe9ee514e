/**
 * Files of a project that programs of the host run, or obey, without being asked: what an agent writes there runs outside of its
 * bottle. `apply` leaves them out unless they are named. Pure.
 */

const gitHooks = new Set([
  'applypatch-msg',
  'commit-msg',
  'fsmonitor-watchman',
  'post-applypatch',
  'post-checkout',
  'post-commit',
  'post-merge',
  'post-receive',
  'post-rewrite',
  'post-update',
  'pre-applypatch',
  'pre-auto-gc',
  'pre-commit',
  'pre-merge-commit',
  'pre-push',
  'pre-rebase',
  'pre-receive',
  'prepare-commit-msg',
  'push-to-checkout',
  'reference-transaction',
  'sendemail-validate',
  'update',
])
/** In a repository's own folder: programs to run, filters, and other places to read those from. */
const gitFiles = new Set(['config', 'config.worktree', 'commondir', 'gitdir', 'attributes', 'alternates'])

const foldersOf: Readonly<Record<string, string>> = {
  '.vscode': 'your editor',
  '.idea': 'your editor',
  '.zed': 'your editor',
  '.devcontainer': 'your editor',
  '.claude': 'an agent on your host',
  '.codex': 'an agent on your host',
  '.cursor': 'an agent on your host',
  '.gemini': 'an agent on your host',
  '.bot-bottle': 'bot-bottle',
  '.husky': 'git',
  '.githooks': 'git',
  '.cargo': 'cargo',
  '.yarn': 'yarn',
  '.mvn': 'maven',
}

const filesOf: Readonly<Record<string, string>> = {
  '.mcp.json': 'an agent on your host',
  'opencode.json': 'an agent on your host',
  '.aider.conf.yml': 'an agent on your host',
  '.envrc': 'your shell',
  'mise.toml': 'your shell',
  '.mise.toml': 'your shell',
  '.npmrc': 'npm',
  '.pnp.cjs': 'yarn',
  '.yarnrc': 'yarn',
  '.yarnrc.yml': 'yarn',
  '.pre-commit-config.yaml': 'git',
  'lefthook.yml': 'git',
  '.lefthook.yml': 'git',
  '.exrc': 'your editor',
  '.nvimrc': 'your editor',
  '.nvim.lua': 'your editor',
  '.vimrc': 'your editor',
  '.dir-locals.el': 'your editor',
  '.gdbinit': 'your debugger',
  '.lldbinit': 'your debugger',
}

/**
 * Who runs or obeys the file, as the end of a sentence; undefined for nobody. `isRepository` says whether a folder ('' is the
 * project) looks like a repository without a name of its own, whose configuration git obeys as well.
 */
export function hostRisk(path: string, isRepository: (folder: string) => boolean): string | undefined {
  // Safety: on file systems that ignore case `.GIT/config` is git's.
  const parts = path.toLowerCase().split('/')
  const name = parts.at(-1) ?? ''
  const folders = parts.slice(0, -1)
  const git = folders.lastIndexOf('.git')
  if (name === '.git') return 'git'
  if (git >= 0 && (gitFiles.has(name) || folders.includes('hooks', git))) return 'git'
  if (gitHooks.has(name) && folders.at(-1) === 'hooks') return 'git'
  if (name === 'config' && isRepository(path.slice(0, -'/config'.length))) return 'git'
  const folder = parts.find((part) => Object.hasOwn(foldersOf, part))
  if (folder !== undefined) return foldersOf[folder]
  return name.endsWith('.code-workspace') ? 'your editor' : Object.hasOwn(filesOf, name) ? filesOf[name] : undefined
}
