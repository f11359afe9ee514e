import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BottleError } from '../../src/core/errors.ts'
import { defaultLimits } from '../../src/core/limits/limits.ts'
import { createBubblewrap } from '../../src/sandbox/bubblewrap/bubblewrap.ts'
import { type HolderReference, isAlive } from '../../src/sandbox/bubblewrap/process-identity.ts'
import { findTool, searchPathOf } from '../../src/sandbox/find-tool.ts'
import type { LaunchCommand, SandboxSpec } from '../../src/sandbox/sandbox.ts'
import { until } from '../fakes/until.ts'
import { openTestHost, type TestHost, testUsers } from './run-in-bottle.ts'

const bottles = 10
const treesPerBottle = 5

describe.each(testUsers)('a bubblewrap bottle $title', (user) => {
  let host: TestHost
  beforeAll(() => {
    host = openTestHost(user)
  })
  afterAll(() => host[Symbol.dispose]())

  it('passes on the exit code and both outputs of the program', async () => {
    const report = await host.run(['/bin/bash', '-c', 'echo out; echo err >&2; exit 42'])
    expect(report).toMatchObject({ exitCode: 42, stdout: 'out\n', stderr: 'err\n' })
  })

  it('gives Ctrl-C of its terminal to the program, and goes on when the program handles it', async () => {
    const script = `trap 'echo handled; exit 5' INT; [ -t 0 ] && echo terminal; echo re""ady; while :; do sleep 0.01; done`
    const { stdout, exitCode } = await host.run(['/bin/bash', '-c', script], { interrupt: true })
    expect(stdout.replaceAll('\r', '')).toBe('terminal\nready\n^Chandled\n')
    expect(exitCode).toBe(5)
  })

  it('dies of Ctrl-C as a program does that does not handle it', async () => {
    const { exitCode } = await host.run([host.node, '-e', 'console.log("ready"); setInterval(() => {}, 1000)'], {
      interrupt: true,
    })
    expect(exitCode).toBe(130)
  })

  it('is killed with every process, however it was forked, at once (S09)', async () => {
    const killsMs: number[] = []
    for (let bottle = 0; bottle < bottles; bottle++) {
      const token = `31415${process.pid}${bottle}`
      const report = await host.run(['/bin/bash', '-c', randomTrees(token)], { until: 'ready', token })
      expect(report.processesBefore).toBeGreaterThan(treesPerBottle)
      expect(report.processesAfter).toBe(0)
      killsMs.push(report.killMs)
    }
    // A few milliseconds each; what else the machine does may hold up some of them.
    expect(killsMs.toSorted((one, other) => one - other)[bottles / 2]).toBeLessThan(500)
  })

  it('is killed also while its launch is stopped at the terminal (S09)', async () => {
    const token = `27182${process.pid}`
    const script = `sleep ${token} & echo ready; wait`
    const report = await host.run(['/bin/bash', '-c', script], { until: 'ready', stopLaunch: true, token })
    expect(report.processesBefore).toBeGreaterThan(0)
    expect(report.processesAfter).toBe(0)
  })

  it('ends with a controller that is killed before it could write down where the bottle is', async () => {
    const printed = host.runProgram('dying-controller.ts', [host.folder('unrecorded'), 'unrecorded'])
    const reference = JSON.parse(printed) as HolderReference
    await until('the holder has ended', () => !isAlive(reference))
  })

  it('outlives a controller that is killed later, and can be swept by its reference', async () => {
    const printed = host.runProgram('dying-controller.ts', [host.folder('recorded'), 'recorded'])
    const reference = JSON.parse(printed) as HolderReference
    await until('it sleeps on', () => readFileSync(`/proc/${reference.holderPid}/comm`, 'utf8') === 'sleep\n')
    await createBubblewrap().sweep(reference)
    expect(isAlive(reference)).toBe(false)
  })
})

/** Trees of random depth and width whose members leave their session, their parent, or both. */
function randomTrees(token: string): string {
  const member = (depth: number): string => {
    const forms = [`(X &)`, `setsid bash -c 'X'  &`, `(setsid bash -c 'X' &)`, `X &`]
    const form = forms[Math.floor(Math.random() * forms.length)] ?? ''
    // One level of quoting only: deeper members fork in subshells.
    const inner =
      depth === 0 ? `sleep ${token}` : form.includes("'") ? `sleep ${token} & sleep ${token}` : member(depth - 1)
    return form.replace('X', () => (inner.endsWith('&') ? `${inner} sleep ${token}` : inner))
  }
  const trees = Array.from({ length: treesPerBottle }, () => member(Math.floor(Math.random() * 3)))
  // Ready once each tree has a member: this shell and grep itself carry the token too.
  const count = `$(grep -l ${token} /proc/[0-9]*/cmdline 2>/dev/null | wc -l)`
  return `${trees.join('\n')}\nuntil [ ${count} -gt ${treesPerBottle + 2} ]; do :; done; echo ready; sleep ${token}`
}

describe('the bubblewrap backend', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })
  const newFolder = (): string => {
    const folder = mkdtempSync(path.join(tmpdir(), 'bot-bottle-tools-'))
    folders.push(folder)
    return folder
  }

  /** The tools of this host but one; a fake one where text is given. */
  function toolsWithout(hidden: string, fake?: string): readonly string[] {
    const folder = newFolder()
    linkTools(folder, hidden)
    if (fake !== undefined) writeFileSync(path.join(folder, hidden), fake, { mode: 0o755 })
    return [folder]
  }

  function linkTools(folder: string, hidden?: string): void {
    for (const name of ['bwrap', 'nsenter', 'unshare', 'ip', 'mount', 'bash', 'nice']) {
      const file = findTool(name, searchPathOf(process.env))
      expect(file, `${name} is needed for this test`).toBeDefined()
      if (name !== hidden && file !== undefined) symlinkSync(file, path.join(folder, name))
    }
  }

  function specFor(file: string): SandboxSpec {
    return {
      id: 'lacking',
      directory: newFolder(),
      command: [file],
      env: {},
      workspace: { kind: 'none' },
      readOnlyPaths: [],
      homeFiles: {},
      limits: defaultLimits({ hostMemoryBytes: totalmem() }),
      nestedSandbox: false,
      caCertificate: 'certificate',
    }
  }

  async function openFailure(searchPath: readonly string[]): Promise<BottleError> {
    return createBubblewrap({ searchPath })
      .open(specFor('/usr/bin/true'), AbortSignal.timeout(20_000))
      .then(
        () => expect.fail('the sandbox opened'),
        (failure: BottleError) => failure,
      )
  }

  it.each([
    ['bwrap', 'bubblewrap'],
    ['nsenter', 'util-linux'],
    ['unshare', 'util-linux'],
    ['ip', 'iproute2'],
    ['mount', 'mount'],
    ['bash', 'bash'],
    ['nice', 'coreutils'],
  ])('refuses to start without %s and names the package %s (S14)', async (tool, debianPackage) => {
    const searchPath = toolsWithout(tool)
    const failure = await openFailure(searchPath)
    expect(failure.code).toBe('sandbox_unavailable')
    expect(failure.message).toContain(`${tool}: not installed`)
    expect(failure.hint).toContain(`apt-get install ${debianPackage}`)
    const findings = await createBubblewrap({ searchPath }).probe()
    expect(findings.filter(({ ok }) => !ok).map(({ subject }) => subject)).toEqual([tool])
  })

  it('refuses to start where user namespaces are off, and says how to allow them (S14, I10)', async () => {
    const off = '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n'
    const failure = await openFailure(toolsWithout('unshare', off))
    expect(failure.code).toBe('sandbox_unavailable')
    expect(failure.message).toContain('user namespaces: unshare: unshare failed: Operation not permitted')
    expect(failure.hint).toMatch(/sysctl|container/)
  })

  it('refuses to start where the network cannot be made, and names that (S14, I10)', async () => {
    const failure = await openFailure(
      toolsWithout('ip', '#!/bin/sh\necho "RTNETLINK answers: Operation not supported" >&2\nexit 2\n'),
    )
    expect(failure.code).toBe('sandbox_unavailable')
    expect(failure.message).toContain('local route: RTNETLINK answers')
  })

  it('finds everything in order on this host', async () => {
    const findings = await createBubblewrap().probe()
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    expect(findings.map(({ subject }) => subject)).toContain('nested sandbox')
  })

  const run = ({ file, args, env, cwd }: LaunchCommand) => spawnSync(file, args, { env, cwd, encoding: 'utf8' })

  it('sweeps what a dead controller left, but not a process that has its pid now', async () => {
    const backend = createBubblewrap()
    await using sandbox = await backend.open(specFor('/usr/bin/id'), AbortSignal.timeout(20_000))
    const { reference } = sandbox
    if (reference.kind !== 'bubblewrap') throw new Error('not a reference of this backend')
    await backend.sweep({ ...reference, holderStartTicks: reference.holderStartTicks + 1 })
    await backend.sweep({ ...reference, bootId: 'another boot' })
    expect(run(sandbox.launch)).toMatchObject({ status: 0, stdout: expect.stringContaining('uid=1000(agent)') })
    await backend.sweep(reference)
    expect(run(sandbox.launch)).toMatchObject({ stdout: '' })
    await backend.sweep(reference)
  })

  it('starts no program anywhere but in the network namespace of its bottle', async () => {
    await using sandbox = await createBubblewrap().open(specFor('/usr/bin/id'), AbortSignal.timeout(20_000))
    const { launch } = sandbox
    const elsewhere = launch.args.map((arg) => (/^net:\[\d+\]$/.test(arg) ? 'net:[1]' : arg))
    expect(elsewhere).not.toEqual(launch.args)
    expect(run({ ...launch, args: elsewhere })).toMatchObject({ status: 126, stdout: '' })
  })

  it('leaves no process behind when a start is given up or its spec is refused', async () => {
    const holders = () =>
      spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter((line) => line.includes(marker))
    const marker = newFolder()
    linkTools(marker)
    const backend = createBubblewrap({ searchPath: [marker] })
    await expect(backend.open(specFor('/no/such/program'), AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(backend.open(specFor('/usr/bin/id'), AbortSignal.timeout(8))).rejects.toThrow()
    await expect(backend.open(specFor('/usr/bin/id'), AbortSignal.abort())).rejects.toThrow()
    expect(holders()).toEqual([])
  })
})
