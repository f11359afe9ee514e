/**
 * Freezes and resumes a bottle that has changed about 1 GB: large files, and many small ones in many folders. Meanwhile the controller
 * is asked for its status all the time: what others wait for it. `node bench/freeze.ts [smallFiles] [largeMegabytes]`
 */
import { loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, typed } from '../test/fakes/command.ts'
import { openProductHost } from '../test/fakes/product-host.ts'

const smallFiles = Number(process.argv[2] ?? 16_000)
const largeMegabytes = Number(process.argv[3] ?? 768)

const filesPerFolder = 16
const largeFiles = 4
const write = `for ((i = 0; i < ${smallFiles / filesPerFolder}; i++)); do mkdir -p tree/$((i % 50))/$i
for ((j = 0; j < ${filesPerFolder}; j++)); do printf '%16000s' $j > tree/$((i % 50))/$i/$j; done; done
for ((i = 0; i < ${largeFiles}; i++)); do head -c ${Math.floor(largeMegabytes / largeFiles)}M /dev/zero > large-$i; done`

await using host = await openProductHost({})
for (const state of ['just written', 'on the disk before'] as const) {
  const script = `echo begun; [ -e large-0 ] || { ${write}; ${state === 'just written' ? '' : 'sync -f .;'} }; echo ready; read -r`
  const command = host.start(['run', '--', 'bash', '-c', script], { input: typed })
  await said(command, /begun/)
  const client = await host.client()
  await said(command, /ready/)
  const living = await client.bottles()
  const id = living.find((bottle) => bottle.state === 'running')?.id ?? ''
  const waits: number[] = []
  const asking = new AbortController()
  const asked = (async () => {
    while (!asking.signal.aborted) {
      const at = performance.now()
      await client.status()
      waits.push(performance.now() - at)
      await delay(1)
    }
  })()
  await delay(1_000)
  const quiet = longest(waits.splice(0))
  const freezeMs = await took(() => client.freeze(id))
  const busy = longest(waits.splice(0))
  await command.ended
  const steps = await client.audit({ bottle: id })
  const resumeMs = await took(() =>
    client.resume(id, { command: ['/bin/true'], budgets: [], hostEnvironment: {}, terminalEnvironment: {} }),
  )
  asking.abort()
  await asked
  await client.kill(id)
  console.log(`${smallFiles} files of 16 kB and ${largeMegabytes} MB in ${largeFiles}, ${state}`)
  console.log(`  freeze                              ${freezeMs.toFixed(0)} ms   (goal 1000)`)
  for (const [index, { step, atMs }] of steps.entries()) {
    if (step !== null) console.log(`    ${step.padEnd(32)}  ${atMs - (steps[index - 1]?.atMs ?? atMs)} ms`)
  }
  console.log(`  resume                              ${resumeMs.toFixed(0)} ms   (goal 1000)`)
  console.log(
    `  longest answer of the controller    ${quiet.toFixed(1)} ms before, ${busy.toFixed(1)} ms while it froze`,
  )
}
console.log(
  `load average                          ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
)

/** A busy disk takes longer than tests wait. */
async function said(command: Command, pattern: RegExp): Promise<void> {
  for (let tries = 0; tries < 6; tries++) {
    const found = await command.said(pattern).catch(() => undefined)
    if (found) return
  }
  throw new Error(`the bottle did not say ${pattern}`)
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const at = performance.now()
  await work()
  return performance.now() - at
}

function longest(waits: readonly number[]): number {
  return Math.max(0, ...waits)
}
