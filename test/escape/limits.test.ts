/** What a bottle may use of its host, by force of the kernel alone (S13): small limits, the machine is not ours alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Limits } from '../../src/core/limits/limits.ts'
import { openTestHost, type TestHost, testUsers } from './run-in-bottle.ts'

const MiB = 2 ** 20
const processes = 40
const limits: Limits = { memoryBytes: 64 * MiB, processes, diskBytes: 4 * MiB, cpuWeight: 50 }

describe.each(testUsers)('a bubblewrap bottle $title', (user) => {
  let host: TestHost
  beforeAll(() => {
    host = openTestHost(user)
  })
  afterAll(() => host[Symbol.dispose]())

  const bash = async (script: string) => {
    const { stdout, stderr, exitCode } = await host.run(['/bin/bash', '-c', script], { limits })
    return { said: stdout.trim(), stderr, exitCode }
  }

  it('forks as often as it may, and no more: also after its pids have gone round (S13)', async () => {
    const bomb = `python3 -c '
import os, time
count = 0
try:
  while count < 1000:
    if os.fork() == 0:
      time.sleep(600)
    count += 1
except OSError as error:
  print(count, error.strerror)
'`
    const oneAfterTheOther = 'for i in {1..400}; do /bin/true; done'
    for (const script of [bomb, `${oneAfterTheOther}; ${bomb}`]) {
      const { said } = await bash(script)
      expect(said).toMatch(/^\d+ Resource temporarily unavailable$/)
      const forked = Number.parseInt(said, 10)
      expect(forked).toBeGreaterThanOrEqual(processes - 2)
      expect(forked).toBeLessThanOrEqual(processes + 2)
    }
  })

  it('writes no file that is larger than its disk (S13)', async () => {
    const { said, exitCode } = await bash('yes > "$HOME/file"; echo $?; stat -c %s "$HOME/file"')
    // SIGXFSZ, 128 + 25.
    expect({ said, exitCode }).toEqual({ said: `153\n${limits.diskBytes}`, exitCode: 0 })
  })

  it('keeps no more in memory as files than half of its memory, in each folder that is kept there (S13)', async () => {
    // In pieces, since one file would end at the size of the disk.
    const fill = (folder: string) =>
      `for i in {1..40}; do head -c 1M /dev/zero > ${folder}/$i 2> /tmp-error || break; done; du -sm ${folder} | cut -f1`
    for (const folder of ['/tmp', '/var/tmp', '/dev/shm', '/run']) {
      const script = fill(folder).replaceAll('/tmp-error', '/dev/null')
      expect({ folder, said: (await bash(script)).said }).toEqual({ folder, said: '32' })
    }
    expect((await bash('touch /dev/file')).stderr).toContain('Read-only file system')
  })

  it('leaves no core, and has devices, terminals and a niceness of its own', async () => {
    const { said, stderr } = await bash('ulimit -c; nice; echo x > /dev/null; head -c 1 /dev/zero | wc -c; ls /dev/pts')
    expect({ said, stderr }).toEqual({ said: expect.stringMatching(/^0\n3\n1\nptmx$/), stderr: '' })
  })

  it('raises none of its limits', async () => {
    const { said } = await bash('ulimit -f unlimited 2>&1; nice -n -5 true 2>&1; echo 9999 > /proc/sys/kernel/pid_max')
    expect(said).toMatch(/cannot modify limit: Operation not permitted\n.*nice: cannot set niceness: Permission denied/)
  })
})
