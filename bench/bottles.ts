/**
 * Real bottles through the real command line, against the simulated provider: how long a start takes until the program runs, a kill
 * of random process trees, and a controller's death; and what many bottles at once take. `node bench/bottles.ts [bottles]`
 */
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import type { BottleView } from '../src/controller/api.ts'
import type { Command } from '../test/fakes/command.ts'
import { modelCallInShell } from '../test/fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../test/fakes/product-host.ts'

const many = Number(process.argv[2] ?? 50)
const starts = 20
const kills = 50
const deaths = 5
const inBottle = (script: string) => ['run', '--bottle', 'claude', '--workspace', 'none', '--', 'bash', '-c', script]
const asking = `while :; do
  answer=$(${modelCallInShell()} 2> /dev/null)
  [ $? = 0 ] || refused=$(date +%s%3N)
  [[ $answer == *message_stop* ]] && echo "answered at $(date +%s%3N), refused until \${refused:-0}."
  sleep 0.1
done`

await using host = await openProductHost({ provider: ['--output-tokens', '200', '--delta-interval-ms', '20'] })
await host.run(inBottle('true'))

const startsMs: number[] = []
for (let start = 0; start < starts; start++) {
  const atMs = Date.now()
  const { stdout } = await host.run(inBottle('date +%s%3N'))
  startsMs.push(Number(stdout) - atMs)
}
tell('start, command to program', startsMs, 500)

const killsMs: number[] = []
for (let kill = 0; kill < kills; kill++) {
  const command = host.start(inBottle(`${randomTree(4)} & echo ready; wait; sleep 600`))
  await command.said(/ready/)
  const client = await host.client()
  const [bottle] = await client.bottles()
  const atMs = performance.now()
  await client.kill(bottle?.id ?? '')
  killsMs.push(performance.now() - atMs)
  if ((await host.livingSandboxes()).length > 0) throw new Error('a bottle lives after its kill')
  await command.ended
}
tell('kill of random trees', killsMs, 500)

const refusedMs: number[] = []
const only = host.start(inBottle(asking))
await only.said(/answered at/)
for (let death = 0; death < deaths; death++) {
  const { pid } = await (await host.client()).status()
  process.kill(pid, 'SIGKILL')
  const atMs = Date.now()
  refusedMs.push(Math.max(0, (await answeredAfter(only, atMs)) - atMs))
}
tell('no way out after a kill -9 of the controller', refusedMs, 2_000)
await endAll([only])

await runMany(host)
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
)

async function runMany(product: ProductHost): Promise<void> {
  const { pid } = await (await product.client()).status()
  const restMiB = ownMiB(pid)
  const atMs = performance.now()
  const commands = Array.from({ length: many }, () => product.start(inBottle(asking)))
  await Promise.all(commands.map(begun))
  const tookS = (performance.now() - atMs) / 1_000
  const views = await product.json<readonly BottleView[]>(['ps'])
  const running = views.filter(({ state }) => state === 'running').length
  const controllerMiB = ownMiB(pid) - restMiB
  const commandMiB = commands.reduce((sum, command) => sum + ownMiB(command.pid), 0)
  console.log(`${many} bottles at once: ${running} run, all answered after ${tookS.toFixed(1)} s   (goal: ${many})`)
  console.log(
    `  for each ${(controllerMiB / many).toFixed(1)} MiB of the controller, ${(commandMiB / many).toFixed(1)} MiB of its command`,
  )
  await endAll(commands)
}

/** Depth and form at random: children of children, in sessions of their own, whose parents are gone. */
function randomTree(depth: number): string {
  const forms = ['(X &)', 'setsid bash -c "sleep 600" & X', '(X & X &)', 'trap "" TERM; X']
  const form = forms[Math.floor(Math.random() * forms.length)] ?? 'X'
  return `( ${form.replaceAll('X', () => (depth === 0 ? 'sleep 600' : randomTree(depth - 1)))} )`
}

/** Resolves once the program is answered again, to when it was refused last. */
async function answeredAfter(command: Command, atMs: number): Promise<number> {
  for (;;) {
    const [, time, refusedUntilMs] = await command.saidAnew(/answered at (\d+), refused until (\d+)\./)
    if (Number(time) > atMs) return Number(refusedUntilMs)
  }
}

async function endAll(commands: readonly Command[]): Promise<void> {
  for (const command of commands) command.signal('SIGTERM')
  for (const command of commands) await command.ended
}

/** With what it shares divided among those that share it. */
function ownMiB(pid: number): number {
  const found = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  return Number(found?.[1] ?? 0) / 1024
}

/** However long it takes. */
async function begun(command: Command): Promise<void> {
  for (;;) {
    const isAnswered = await command.said(/answered at/).then(
      () => true,
      () => false,
    )
    const hasEnded = await Promise.race([command.ended.then(() => true), Promise.resolve(false)])
    if (isAnswered || hasEnded) return
  }
}

function tell(what: string, timesMs: readonly number[], goalMs: number): void {
  const sorted = timesMs.toSorted((one, other) => one - other)
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0
  console.log(
    `${what}: ${middle.toFixed()} ms, at most ${(sorted.at(-1) ?? 0).toFixed()} ms of ${sorted.length}   (goal: ${goalMs} ms)`,
  )
}
