/**
 * A PostgreSQL server of a test's own: in a temporary directory, on a Unix socket and on loopback, without the machine's
 * service. PostgreSQL refuses to run as root, so that root plays an ordinary user. Its data need not outlive the machine,
 * only its processes.
 */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ordinaryUid = 65_534
const versionsPath = '/usr/lib/postgresql'

export interface PostgresServer extends AsyncDisposable {
  readonly port: number
  /** The URL of a new database: an empty one, or a copy of one that nobody is connected to. */
  createDatabase(original?: string): Promise<string>
  /** Ends it as a crash would; what it committed is there when it starts again. */
  crash(): Promise<void>
  start(): Promise<void>
  psql(url: string, sql: string): Promise<string>
}

/** Debian and Ubuntu keep the server's programs, by version, where nobody's PATH leads; others in a place of all programs. */
function programsPath(): string {
  const versions = existsSync(versionsPath) ? readdirSync(versionsPath).filter((name) => /^\d+$/.test(name)) : []
  const latest = versions.toSorted((one, other) => Number(other) - Number(one))[0]
  const places = [...(latest === undefined ? [] : [join(versionsPath, latest, 'bin')]), '/usr/bin', '/usr/local/bin']
  const path = places.find((place) => existsSync(join(place, 'postgres')))
  if (path !== undefined) return path
  throw new Error('PostgreSQL is needed for this test; on Debian: apt-get install postgresql')
}

export async function startPostgres(settings: readonly string[] = ['fsync=off']): Promise<PostgresServer> {
  const programs = programsPath()
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-postgres-'))
  const asUser = process.getuid?.() === 0 ? { uid: ordinaryUid, gid: ordinaryUid } : {}
  if ('uid' in asUser) chownSync(directory, ordinaryUid, ordinaryUid)
  chmodSync(directory, 0o755)
  const dataPath = join(directory, 'data')
  const program = (name: string, args: readonly string[]) =>
    run(join(programs, name), [...args], { ...asUser, cwd: directory, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } })

  await program('initdb', [
    '--pgdata',
    dataPath,
    '--auth',
    'trust',
    '--username',
    'bottle',
    '--no-sync',
    '--encoding',
    'UTF8',
  ])
  const port = await freePort()
  const options = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${directory}`, ...settings]
  let server: ReturnType<typeof spawn> | undefined

  const start = async () => {
    const child = spawn(join(programs, 'postgres'), ['-D', dataPath, ...options.flatMap((option) => ['-c', option])], {
      ...asUser,
      cwd: directory,
      env: { LC_ALL: 'C' },
      stdio: 'ignore',
    })
    server = child
    const died = once(child, 'exit').then(() => 'died' as const)
    for (;;) {
      const status = join(dataPath, 'postmaster.pid')
      if (existsSync(status) && /^ready/m.test(readFileSync(status, 'utf8').split('\n')[7] ?? '')) return
      if ((await Promise.race([died, nextTurn()])) === 'died') throw new Error('PostgreSQL ended while it started')
    }
  }
  const end = async (signal: NodeJS.Signals) => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }
  const psql = async (url: string, sql: string) =>
    (
      await program('psql', ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--command', sql, url])
    ).stdout.trim()

  await start()
  const urlOf = (name: string) => `postgres://bottle@127.0.0.1:${port}/${name}`
  return {
    port,
    async createDatabase(original) {
      const name = `test_${randomUUID().replaceAll('-', '')}`
      await psql(
        urlOf('postgres'),
        `CREATE DATABASE ${name}${original === undefined ? '' : ` TEMPLATE ${new URL(original).pathname.slice(1)}`}`,
      )
      return urlOf(name)
    },
    // Immediate shutdown: no checkpoint; its children go with it.
    crash: () => end('SIGQUIT'),
    start,
    psql,
    async [Symbol.asyncDispose]() {
      await end('SIGQUIT')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Files are not events: looked at again after a moment. */
async function nextTurn(): Promise<'again'> {
  const { promise, resolve } = Promise.withResolvers<'again'>()
  setTimeout(() => resolve('again'), 20)
  return promise
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was free')
  return address.port
}
