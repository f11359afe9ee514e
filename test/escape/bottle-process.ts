/**
 * Opens one bottle as whoever runs it, runs the program of the job, answers each connection with a refusal, kills the
 * bottle and prints a report. A process of its own, so that tests can run it as an ordinary user.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { createBubblewrap } from '../../src/sandbox/bubblewrap/bubblewrap.ts'
import { createNone } from '../../src/sandbox/none/none.ts'
import type { BottleJob, BottleReport, Connection } from './report.ts'

const certificate = '-----BEGIN CERTIFICATE-----\nQk9UVExFLUNB\n-----END CERTIFICATE-----\n'
const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as BottleJob
const backend = job.backend === 'none' ? createNone() : createBubblewrap()
const connections: Connection[] = []

const openedAt = performance.now()
const sandbox = await backend.open(
  {
    id: 'escape-test',
    directory: job.directory,
    command: job.command,
    env: job.env,
    workspace: job.workspace,
    readOnlyPaths: job.readOnlyPaths,
    homeFiles: job.homeFiles,
    caCertificate: certificate,
    limits: job.limits,
    nestedSandbox: job.nestedSandbox,
  },
  AbortSignal.timeout(20_000),
)
const openMs = performance.now() - openedAt
sandbox.outlive()
for (const [listener, server] of Object.entries(sandbox.listeners)) refuseAll(listener, server as Server)

const { file, args, env, cwd } = sandbox.launch
// Descriptors that the starter left open must not reach the bottle (S15).
const leaky = ['-c', 'exec 77< /etc/passwd 255< /etc/passwd 300< /etc/passwd; exec "$@"', 'leaky', file, ...args]
// script(1) gives the launch a terminal; `-e` passes on its exit code.
const quoted = ['exec', '/bin/bash', ...leaky.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`)].join(' ')
const child = job.interrupt
  ? spawn('script', ['-qefc', quoted, '/dev/null'], { env: { ...env, SHELL: '/bin/bash' }, cwd, stdio: 'pipe' })
  : spawn('/bin/bash', leaky, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
let stdout = ''
let stderr = ''
child.stderr.on('data', (chunk: Buffer) => {
  stderr += chunk
})
const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
const ready = new Promise<void>((resolve) => {
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk
    if (stdout.includes('ready')) resolve()
  })
})
if (job.interrupt) {
  await Promise.race([ready, ended])
  child.stdin?.write('\x03')
}
if (job.until === 'exit') await ended
else await Promise.race([ready, ended])

const processesBefore = bottleProcesses()
if (job.stopLaunch) child.kill('SIGSTOP')
const killedAt = performance.now()
await sandbox.kill()
const killMs = performance.now() - killedAt
const processesAfter = bottleProcesses()
if (job.stopLaunch) child.kill('SIGKILL')
const report: BottleReport = {
  exitCode: await ended,
  stdout,
  stderr,
  connections,
  openMs,
  killMs,
  processesBefore,
  processesAfter,
  workspacePath: sandbox.workspacePath,
}
process.stdout.write(JSON.stringify(report))

function refuseAll(listener: string, server: Server): void {
  server.on('connection', (socket) => {
    const { localAddress = '', localPort = 0 } = socket
    socket.on('error', () => {})
    socket.once('data', (chunk) => {
      connections.push({ listener, localAddress, localPort, firstBytes: chunk.toString('latin1') })
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 8\r\nconnection: close\r\n\r\nrefused\n')
    })
  })
}

function bottleProcesses(): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && carriesToken(name))
    .length
}

function carriesToken(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(job.token)
  } catch {
    return false
  }
}
