/**
 * The real agents, from the npm registry, outside the package's own dependencies: exact versions, installed once into `.cache`
 * of the checkout and used again. An install is made beside and renamed, so that what is there is always whole.
 */
import { execFile } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../src/core/errors.ts'
import { checkout } from '../fakes/test-user.ts'

const versions = { '@anthropic-ai/claude-code': '2.1.330', '@openai/codex': '0.169.0' } as const

const run = promisify(execFile)
const installTimeoutMs = 240_000

/** A folder with `claude` and `codex`, relative to the checkout, for PATH. Rejects with npm's own words where there is no registry and no cache. */
export async function agentPackages(): Promise<string> {
  const name = Object.values(versions).join('-')
  const parent = join(checkout, '.cache/agents')
  const directory = join(parent, `${name}-${process.arch}`)
  const bin = join(directory, 'bin')
  const found = relative(checkout, bin)
  if (await exists(bin)) return found
  await mkdir(parent, { recursive: true })
  const temporary = await mkdtemp(join(parent, 'install-'))
  try {
    await install(temporary)
    await link(temporary)
    await chmod(temporary, 0o755)
    await rename(temporary, directory).catch(async (error: unknown) => {
      // Another run was faster: the same packages.
      if (!(await exists(bin))) throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return found
}

/** Without scripts: that of Claude Code only copies the platform's program over a placeholder. */
async function install(prefix: string): Promise<void> {
  const flags = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', '--prefix', prefix]
  const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`)
  try {
    await run('npm', ['install', ...flags, ...packages], { cwd: prefix, timeout: installTimeoutMs })
  } catch (error) {
    throw new Error(
      `the agents could not be installed from the npm registry, nor from its cache: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
}

async function link(directory: string): Promise<void> {
  const bin = join(directory, 'bin')
  const modules = join(directory, 'node_modules')
  const platform = (await readdir(join(modules, '@anthropic-ai'))).find((name) => name.startsWith('claude-code-'))
  if (platform === undefined) throw new Error(`Claude Code has no program for ${process.platform} ${process.arch}`)
  const programs = { claude: `@anthropic-ai/${platform}/claude`, codex: '@openai/codex/bin/codex.js' }
  for (const program of Object.values(programs)) await access(join(modules, program))
  await mkdir(bin)
  for (const [name, program] of Object.entries(programs))
    await symlink(join('../node_modules', program), join(bin, name))
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
