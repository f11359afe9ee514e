/**
 * The real agents and runtimes, from the npm registry, outside the package's own dependencies: exact versions, installed once into `.cache`
 * of the checkout and used again. An install is made beside and renamed, so that what is there is always whole.
 */
import { execFile } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../src/core/errors.ts'
import { checkout } from '../fakes/test-user.ts'

const agentVersions = { '@anthropic-ai/claude-code': '2.1.330', '@openai/codex': '0.169.0' } as const

const run = promisify(execFile)
const installTimeoutMs = 240_000

/** A folder with `claude` and `codex`, relative to the checkout, for PATH. Rejects with npm's own words where there is no registry and no cache. */
export function agentPackages(): Promise<string> {
  return packagePrograms(agentVersions, async (modules) => {
    const platform = (await readdir(join(modules, '@anthropic-ai'))).find((name) => name.startsWith('claude-code-'))
    if (platform === undefined) throw new Error(`Claude Code has no program for ${process.platform} ${process.arch}`)
    return { claude: `@anthropic-ai/${platform}/claude`, codex: '@openai/codex/bin/codex.js' }
  })
}

/** The same with `deno` and `bun`; Bun as built for any processor. */
export function runtimePackages(): Promise<string> {
  const isArm = process.arch === 'arm64'
  const deno = isArm ? '@deno/linux-arm64-glibc' : '@deno/linux-x64-glibc'
  const bun = isArm ? '@oven/bun-linux-aarch64' : '@oven/bun-linux-x64-baseline'
  return packagePrograms({ [deno]: '2.9.6', [bun]: '1.4.5' }, async () => ({
    deno: `${deno}/deno`,
    bun: `${bun}/bin/bun`,
  }))
}

/** `programsIn`: name → path below `node_modules`. */
async function packagePrograms(
  versions: Readonly<Record<string, string>>,
  programsIn: (modules: string) => Promise<Readonly<Record<string, string>>>,
): Promise<string> {
  const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`)
  const parent = join(checkout, '.cache/agents')
  const directory = join(parent, `${packages.join('-').replaceAll(/[@/]+/g, '_')}-${process.arch}`)
  const bin = join(directory, 'bin')
  const found = relative(checkout, bin)
  if (await exists(bin)) return found
  await mkdir(parent, { recursive: true })
  const temporary = await mkdtemp(join(parent, 'install-'))
  try {
    await install(temporary, packages)
    await link(temporary, await programsIn(join(temporary, 'node_modules')))
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
async function install(prefix: string, packages: readonly string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', '--prefix', prefix]
  try {
    await run('npm', ['install', ...flags, ...packages], { cwd: prefix, timeout: installTimeoutMs })
  } catch (error) {
    throw new Error(
      `${packages.join(', ')} could not be installed from the npm registry, nor from its cache: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

async function link(directory: string, programs: Readonly<Record<string, string>>): Promise<void> {
  const bin = join(directory, 'bin')
  for (const program of Object.values(programs)) await access(join(directory, 'node_modules', program))
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
