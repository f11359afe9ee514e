/** What a bottle may use of its host (S13), with small limits: the machine is not the test's alone. */
import { readFileSync } from 'node:fs'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ControllerStatus } from '../../src/controller/api.ts'
import type { AuditEntry } from '../../src/ledger/ledger.ts'
import { typed } from '../fakes/command.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { testUsers } from '../fakes/test-user.ts'

const hungry = `python3 -c 'import time; held = b"x" * (200 << 20); time.sleep(60)'; echo "ended with $?"`
/** What a busy machine may take for a request that takes milliseconds. */
const maxAnswerSeconds = 2
/** Of a Node process that keeps nothing. */
const maxCommandMiB = 400

function mostResidentMiB(pid: number): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1]) / 1024
}

describe.each(testUsers)('a bottle $title', (user) => {
  let host: ProductHost
  beforeAll(async () => {
    host = await openProductHost({
      user,
      settings: 'limits: {processes: 48}\nnotify: {command: [sh, -c, "cat >> told"]}\n',
    })
    await mkdir(join(host.home, 'bottles'))
    await writeFile(join(host.home, 'bottles/small.md'), '---\nagent_provider: claude\nlimits: {memory: 96MiB}\n---\n')
    await writeFile(join(host.home, 'bottles/tight.md'), '---\nagent_provider: claude\nlimits: {disk: 64MiB}\n---\n')
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const inBottle = (script: string, bottle = 'small') => [
    ...['run', '--bottle', bottle, '--workspace', 'none', '--'],
    ...['bash', '-c', script],
  ]

  test('that uses more memory than it may loses its largest process, and goes on (S13)', async () => {
    const { stdout, stderr, exitCode } = await host.run(
      inBottle(`sleep 60 & ${hungry}; kill -0 $! && echo "the other lives"`),
    )
    expect({ stdout, exitCode }).toEqual({ stdout: 'ended with 137\nthe other lives\n', exitCode: 0 })
    const [entry] = await host.json<readonly AuditEntry[]>(['audit'])
    expect(entry).toMatchObject({
      ...{ action: 'limit', trigger: 'limit', phase: 'done' },
      detail: expect.stringMatching(/^memory: the process python3 /),
    })
    expect(stderr).toMatch(
      /bot-bottle: the bottle exceeded its memory: the process python3 \(\d+MiB\) was ended, since .* 96MiB\n/,
    )
  })

  test('is held to its memory by the next controller too (S10, S13)', async () => {
    const command = host.start(inBottle(`echo ready; read go; ${hungry}`), { input: typed })
    await command.said(/ready/)
    const { pid } = await host.json<ControllerStatus>(['controller', 'status'])
    process.kill(pid, 'SIGKILL')
    await command.said(/the next one has taken the bottle up/)
    command.type('\n')
    await command.said(/exceeded its memory: the process python3/)
    expect((await command.ended).stdout).toBe('ready\nended with 137\n')
  })

  test('whose many processes use more together keeps those that fit (S13)', async () => {
    const script = `python3 -c '
import os, time
for _ in range(12):
  if os.fork() == 0:
    held = os.urandom(16 << 20)
    time.sleep(60)
lost = 0
while lost < 7:
  os.wait()
  lost += 1
print("lost", lost)
'`
    const { stdout, exitCode } = await host.run(inBottle(script))
    expect({ stdout, exitCode }).toEqual({ stdout: 'lost 7\n', exitCode: 0 })
  })

  test('that writes more to the disk than it may loses its writer, and can make room (S13)', async () => {
    const writer = `python3 -c '
import time
for number in range(200):
  open(f"file{number}", "wb").write(b"x" * (4 << 20))
  time.sleep(0.02)
'`
    const script = `sleep 60 & ${writer}; echo "ended with $?"; rm file*; echo kept > note; kill -0 $! && cat note`
    const { stdout, stderr, exitCode } = await host.run(inBottle(script, 'tight'))
    expect({ stdout, exitCode }).toEqual({ stdout: 'ended with 137\nkept\n', exitCode: 0 })
    expect(stderr).toMatch(
      /the bottle exceeded its disk: the process python3 \(\d+MiB written\) was ended, since .*, and may have 64MiB\n/,
    )
  })

  test('that fills the disk with many short processes is ended (S13)', async () => {
    const script = 'for ((number = 0; number < 1000; number++)); do head -c 4M /dev/zero > file$number; done; echo done'
    const { stdout, stderr, exitCode } = await host.run(inBottle(script, 'tight'))
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 137 })
    expect(stderr).toContain('the bottle exceeded its disk')
  })

  test('that prints a gigabyte is passed on, and kept by nobody (S13)', async () => {
    const printed = join(host.workspace, 'printed')
    const toFile = ['bash', '-c', `exec "$@" > ${printed}`, 'to-file']
    const script = 'head -c 1G /dev/zero; echo printed >&2; read'
    const command = host.start(inBottle(script, 'tight'), { input: typed, within: toFile })
    await command.said(/printed/)
    expect(mostResidentMiB(command.pid)).toBeLessThan(maxCommandMiB)
    const { pid } = await host.json<ControllerStatus>(['controller', 'status'])
    expect(mostResidentMiB(pid)).toBeLessThan(maxCommandMiB)
    command.type('\n')
    expect(await command.ended).toMatchObject({ exitCode: 0 })
    expect((await stat(printed)).size).toBe(2 ** 30)
    await rm(printed)
  })

  test('that forks and spins as much as it may slows no other down (S13)', async () => {
    const bomb = host.start(
      inBottle(`python3 -c '
import os, time
end = time.time() + 15
try:
  while os.fork() > 0: pass
except OSError: print("full", flush=True)
while time.time() < end: pass
'`),
    )
    await bomb.said(/full/)
    const asked = 'curl -sS -o /dev/null -w "%{time_total}\\n" http://bottle.internal/budget'
    const { stdout } = await host.run(inBottle(`for i in 1 2 3 4 5; do ${asked}; done`))
    const tookSeconds = stdout.trim().split('\n').map(Number)
    expect(tookSeconds).toHaveLength(5)
    // What else the machine does may hold up one of them.
    expect(tookSeconds.toSorted((one, other) => one - other)[2]).toBeLessThan(maxAnswerSeconds)
    bomb.signal('SIGTERM')
    await bomb.ended
  })
})
