/** The programs of the system that bottles are made with and tests need. Only root on Debian or Ubuntu has them installed; else we say which. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError, step } from './step.mjs'

const packages = {
  bwrap: { debian: 'bubblewrap', fedora: 'bubblewrap', arch: 'bubblewrap' },
  nsenter: { debian: 'util-linux', fedora: 'util-linux', arch: 'util-linux' },
  unshare: { debian: 'util-linux', fedora: 'util-linux', arch: 'util-linux' },
  setpriv: { debian: 'util-linux', fedora: 'util-linux', arch: 'util-linux' },
  ip: { debian: 'iproute2', fedora: 'iproute', arch: 'iproute2' },
  mount: { debian: 'mount', fedora: 'util-linux', arch: 'util-linux' },
  bash: { debian: 'bash', fedora: 'bash', arch: 'bash' },
  curl: { debian: 'curl', fedora: 'curl', arch: 'curl' },
  git: { debian: 'git', fedora: 'git', arch: 'git' },
  zsh: { debian: 'zsh', fedora: 'zsh', arch: 'zsh' },
  fish: { debian: 'fish', fedora: 'fish', arch: 'fish' },
  // What tests run in a bottle where it is there, and in CI: other systems need not have it.
  wget: { debian: 'wget' },
  hey: { debian: 'hey' },
  'python3-requests': { debian: 'python3-requests', file: '/usr/lib/python3/dist-packages/requests' },
  'python3-httpx': { debian: 'python3-httpx', file: '/usr/lib/python3/dist-packages/httpx' },
  'chromium-headless-shell': { debian: 'chromium-headless-shell' },
  tmux: { debian: 'tmux', fedora: 'tmux', arch: 'tmux' },
  postgres: { debian: 'postgresql', fedora: 'postgresql-server', arch: 'postgresql' },
}

export async function ensureSystemPackages(tools) {
  const canInstall = process.getuid?.() === 0 && isDebian()
  const missing = missingOf(tools).filter((tool) => canInstall || packages[tool].fedora !== undefined)
  if (missing.length === 0) return
  if (!canInstall) throw new SetupError(whatToInstall(missing))
  const names = packagesOf(missing, 'debian')
  // In runlevel 1 no service is started: tests start servers of their own.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const advice = `Install ${names.join(' ')} yourself, then run this again.`
  await step({ title: 'updating the package lists (apt-get update)', command: ['apt-get', 'update'], env, advice })
  const command = ['apt-get', 'install', '--yes', '--no-install-recommends', ...names]
  await step({ title: `installing ${names.join(', ')} (apt-get install)`, command, env, advice })
  const stillMissing = missingOf(tools)
  if (stillMissing.length > 0) throw new SetupError(whatToInstall(stillMissing))
}

function missingOf(tools) {
  // Where Debian keeps `ip` for administrators and PostgreSQL for itself, though they are not on every user's PATH.
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', ...postgresPaths()]
  const isThere = (tool) => {
    const { file } = packages[tool]
    return file === undefined ? directories.some((directory) => isExecutable(join(directory, tool))) : existsSync(file)
  }
  return tools.filter((tool) => !isThere(tool))
}

function postgresPaths() {
  try {
    return readdirSync('/usr/lib/postgresql').map((version) => join('/usr/lib/postgresql', version, 'bin'))
  } catch {
    return []
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function packagesOf(tools, family) {
  return [...new Set(tools.map((tool) => packages[tool][family]))]
}

function whatToInstall(missing) {
  return [
    `set-up: missing on this system: ${missing.join(', ')}. Install them and run this again:`,
    `  Debian, Ubuntu:  sudo apt-get install ${packagesOf(missing, 'debian').join(' ')}`,
    `  Fedora:          sudo dnf install ${packagesOf(missing, 'fedora').join(' ')}`,
    `  Arch:            sudo pacman -S ${packagesOf(missing, 'arch').join(' ')}`,
  ].join('\n')
}

function isDebian() {
  try {
    return /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}
