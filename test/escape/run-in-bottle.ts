/**
 * Runs programs in real bottles, as the user of the test run and, where that is root, as an ordinary user too. The
 * sources are copied to a folder that this user can read: the checkout may lie below one that is private.
 */
import { execFile, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { defaultLimits } from '../../src/core/limits/limits.ts'
import type { BottleJob, BottleReport } from './report.ts'

const run = promisify(execFile)
const repository = path.resolve(import.meta.dirname, '../..')
const ordinaryUser = 65_534
const maxReportBytes = 16 * 1024 * 1024

export interface TestUser {
  readonly title: string
  /** Absent: the user of this process. */
  readonly uid?: number
}

const isRoot = process.getuid?.() === 0
export const testUsers: readonly TestUser[] = isRoot
  ? [{ title: 'as root' }, { title: 'as an ordinary user', uid: ordinaryUser }]
  : [{ title: 'as an ordinary user' }]

export interface TestHost extends Disposable {
  /** A home with secrets of the host's user. */
  readonly home: string
  readonly node: string
  /** A new folder that the user owns. */
  folder(name: string): string
  run(command: readonly [string, ...string[]], options?: Partial<Omit<BottleJob, 'command'>>): Promise<BottleReport>
  /** Runs a program of this folder as the user, to whatever end; what it printed. */
  runProgram(name: string, args: readonly string[]): string
}

export const secret = 'hunter2-secret-of-the-host'

export function openTestHost({ uid }: TestUser): TestHost {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'bot-bottle-escape-')))
  chmodSync(root, 0o755)
  for (const name of ['src/sandbox', 'src/core', 'test/escape', 'package.json']) {
    cpSync(path.join(repository, name), path.join(root, 'code', name), { recursive: true })
  }
  const node = readableNode(root, uid)
  const folder = (name: string): string => {
    const made = path.join(root, name)
    mkdirSync(made, { recursive: true, mode: 0o700 })
    if (uid !== undefined) chownSync(made, uid, uid)
    return made
  }
  const commandFor = (name: string, args: readonly string[]): readonly [string, ...string[]] => {
    const program = [node, '--no-warnings', path.join(root, 'code/test/escape', name), ...args] as const
    if (uid === undefined) return program
    return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...program]
  }
  const home = folder('home')
  for (const file of ['.ssh/id_ed25519', '.aws/credentials', '.bashrc']) {
    mkdirSync(path.dirname(path.join(home, file)), { recursive: true })
    writeFileSync(path.join(home, file), secret)
  }
  return {
    home,
    node,
    folder,
    run: async (command, options = {}) => {
      const job: BottleJob = {
        backend: 'bubblewrap',
        directory: folder(`bottle-${randomUUID()}`),
        command,
        env: {},
        workspace: { kind: 'none' },
        readOnlyPaths: [],
        homeFiles: {},
        limits: defaultLimits({ hostMemoryBytes: totalmem() }),
        nestedSandbox: false,
        until: 'exit',
        interrupt: false,
        stopLaunch: false,
        token: 'no-token',
        ...options,
      }
      const jobFile = path.join(root, `job-${randomUUID()}.json`)
      writeFileSync(jobFile, JSON.stringify(job))
      const [file, ...args] = commandFor('bottle-process.ts', [jobFile])
      const env = { PATH: '/usr/bin:/bin', HOME: home, HOST_SECRET: secret }
      const { stdout } = await run(file, args, { env, cwd: root, maxBuffer: maxReportBytes })
      return JSON.parse(stdout) as BottleReport
    },
    runProgram(name, programArgs) {
      const [file, ...args] = commandFor(name, programArgs)
      const { stdout, error } = spawnSync(file, args, { cwd: root, env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' })
      if (error) throw error
      return stdout
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** The Node of this run, or a copy where the user cannot reach it. */
function readableNode(root: string, uid: number | undefined): string {
  if (uid === undefined) return process.execPath
  const asUser = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', process.execPath, '--version']
  if (spawnSync('setpriv', asUser).status === 0) return process.execPath
  const copy = path.join(root, 'node')
  copyFileSync(process.execPath, copy)
  chmodSync(copy, 0o755)
  return copy
}
