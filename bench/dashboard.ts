/**
 * Measures the dashboard: the time until its first frame, its CPU while 50 bottles run 200 streams, and what feeding it costs the
 * controller (its server, bus and book in a process of their own; `feeder.ts`). In a terminal of util-linux' `script`.
 * `npx tsc -p tsconfig.build.json && node bench/dashboard.ts [seconds]`
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hostPaths, prepareHome } from '../src/host/paths.ts'

const seconds = Number(process.argv[2] ?? 20)
const settlingSeconds = 4
const repetitions = 5
const clockTicksPerSecond = 100

const mainPath = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const feederPath = fileURLToPath(new URL('./dashboard-parts/feeder.ts', import.meta.url))

async function startFeeder(home: string, role: string) {
  const child = spawn(process.execPath, [feederPath, hostPaths(home).socketPath, role], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const cpuMs = async () => {
    child.stdin.write('\n')
    const [bytes] = (await once(child.stdout, 'data')) as [Buffer]
    return Number(bytes)
  }
  return { cpuMs, [Symbol.asyncDispose]: () => ended(child) }
}

async function ended(child: { kill(signal: NodeJS.Signals): boolean } & NodeJS.EventEmitter): Promise<void> {
  const end = once(child, 'exit')
  child.kill('SIGKILL')
  await end
}

interface Running extends AsyncDisposable {
  readonly firstFrameMs: number
  readonly pid: number
  writtenBytes(): number
}

/** In a terminal of that size. `exec` all the way: the one child of `script` is the dashboard. */
async function startDashboard(home: string, columns: number, rows: number): Promise<Running> {
  const line = `stty cols ${columns} rows ${rows}; exec '${process.execPath}' '${mainPath}' dashboard`
  const env = { ...process.env, BOT_BOTTLE_HOME: home, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', SHELL: '/bin/sh' }
  const beganAtMs = performance.now()
  const child: ChildProcessWithoutNullStreams = spawn('script', ['-qfc', line, '/dev/null'], { env })
  let seen = ''
  let bytes = 0
  const first = Promise.withResolvers<number>()
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (seen.length < 100_000) seen += chunk.toString('utf8')
    if (seen.includes('agent0-')) first.resolve(performance.now() - beganAtMs)
  })
  const firstFrameMs = await first.promise
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim())
  return { firstFrameMs, pid, writtenBytes: () => bytes, [Symbol.asyncDispose]: () => ended(child) }
}

function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / clockTicksPerSecond
}

const home = await mkdtemp(join(tmpdir(), 'bot-bottle-bench-'))
try {
  await prepareHome(home)
  const percent = (cpuMs: number) => `${(cpuMs / seconds / 10).toFixed(1)} % of a core`
  const cost: Record<string, number> = {}
  for (const role of ['silent', 'booked']) {
    await using feeder = await startFeeder(home, role)
    await delay(settlingSeconds * 1_000)
    const before = await feeder.cpuMs()
    await delay(seconds * 1_000)
    cost[role] = (await feeder.cpuMs()) - before
  }
  await using feeder = await startFeeder(home, 'full')
  const firstFrames: number[] = []
  for (let run = 0; run < repetitions; run += 1) {
    await using dashboard = await startDashboard(home, 80, 24)
    firstFrames.push(dashboard.firstFrameMs)
  }
  const [columns, rows] = [160, 48]
  await using dashboard = await startDashboard(home, columns, rows)
  await delay(settlingSeconds * 1_000)
  const before = { own: cpuMsOf(dashboard.pid), feeder: await feeder.cpuMs(), bytes: dashboard.writtenBytes() }
  await delay(seconds * 1_000)
  const own = cpuMsOf(dashboard.pid) - before.own
  const fed = (await feeder.cpuMs()) - before.feeder
  const written = (dashboard.writtenBytes() - before.bytes) / seconds / 1024
  const sorted = firstFrames.toSorted((one, other) => one - other).map(Math.round)
  console.log(
    `load of the machine: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  )
  console.log(`first frame (80×24, ${repetitions} starts): ${sorted.join(', ')} ms (goal ≤ 600)`)
  console.log(
    `dashboard (${columns}×${rows}, 50 bottles, 200 streams, ${seconds} s): ${percent(own)} (goal ≤ 10), ${written.toFixed(0)} KiB/s to the terminal`,
  )
  console.log(
    `controller: events alone ${percent(cost.silent ?? 0)}, with the book ${percent(cost.booked ?? 0)}, feeding one dashboard ${percent(fed)}`,
  )
  console.log(`  so the book and the feeding cost ${percent(fed - (cost.silent ?? 0))} (goal ≤ 2)`)
} finally {
  await rm(home, { recursive: true, force: true })
}
process.exit()
