/** `nested_sandbox`: programs make sandboxes of their own, and get no further out of the bottle by that. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processesOf } from '../../src/sandbox/bottle-processes.ts'
import { namespaceOf } from '../../src/sandbox/bubblewrap/process-identity.ts'
import { openTestHost, secret, type TestHost, testUsers } from './run-in-bottle.ts'

/** As Claude Code starts its own, without a new /proc. */
const inner =
  'bwrap --unshare-user --unshare-pid --unshare-net --ro-bind / / --bind /proc /proc --dev /dev --tmpfs /tmp --die-with-parent --'

describe.each(testUsers)('a bubblewrap bottle $title', (user) => {
  let host: TestHost
  beforeAll(() => {
    expect(existsSync('/usr/bin/bwrap'), 'this test runs bwrap in a bottle').toBe(true)
    host = openTestHost(user)
  })
  afterAll(() => host[Symbol.dispose]())

  const shell = async (script: string, nestedSandbox = true) => {
    const { stdout, stderr, exitCode } = await host.run(['/bin/bash', '-c', script], { nestedSandbox })
    return { stdout, stderr, exitCode }
  }

  it('lets bwrap work inside where it may, and not otherwise (S05)', async () => {
    const allowed = await shell(`${inner} bash -c 'echo inside as $(id -u); ls -d /proc/[0-9]* | wc -l > /dev/null'`)
    expect(allowed).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^inside as \d+\n$/) })
    const denied = await shell(`${inner} echo inside`, false)
    expect(denied.exitCode).not.toBe(0)
    expect(denied.stdout).toBe('')
  })

  it('keeps what is masked masked and what is read-only so, with every capability in an own user namespace (S12)', async () => {
    const attempts = [
      // Each would show a host path, write where nothing may be written, or bring a fresh /proc with its switches.
      'for path in / /usr /proc/sys /proc/kcore /etc/passwd /tmp /run; do umount -l "$path" && echo "umount $path"; done',
      'for path in / /usr /etc/passwd /proc/sys; do mount -o remount,bind,rw "$path" && echo "remount $path"; done',
      'mkdir -p /tmp/p && mount -t proc proc /tmp/p && echo "new proc"',
      'mkdir -p /tmp/s && mount -t sysfs sysfs /tmp/s && echo "new sysfs"',
      'for type in ext4 xfs btrfs fuse; do mount -t $type /dev/null /tmp/p && echo "mount $type"; done',
      '{ : > /usr/planted; } && echo wrote; { : >> /proc/sys/kernel/core_pattern; } && echo "wrote core_pattern"',
      '{ : > /proc/sysrq-trigger; } && echo sysrq',
      'mknod /tmp/mem c 1 1 && echo mknod',
      `cat ${host.home}/.ssh/id_ed25519`,
    ]
    const script = `unshare --user --map-root-user --mount --pid --net --fork bash -c '${attempts.join('\n')}\necho tried' 2>/dev/null`
    const { stdout } = await shell(script)
    expect(stdout).toBe('tried\n')
    expect(stdout).not.toContain(secret)
  })

  it('has no way out of an own network namespace but none, and no packet filter in it (S02, S05)', async () => {
    const tries = [
      'ip link 2>/dev/null | grep -c "^[0-9]"',
      'timeout 2 bash -c "echo > /dev/tcp/127.0.0.1/443" 2>/dev/null && echo reached',
      'perl -e \'print "netfilter ", socket(my $s, 16, 3, 12) ? "open" : $! + 0, "\\n"\'',
      'perl -e \'print "packet ", socket(my $s, 17, 3, 0) ? "open" : $! + 0, "\\n"\'',
    ]
    const { stdout } = await shell(
      `unshare --user --map-root-user --net bash -c "$(cat <<'END'\n${tries.join('\n')}\nEND\n)"`,
    )
    expect(stdout.split('\n').slice(-3)).toEqual(['netfilter 97', 'packet 97', ''])
    expect(stdout).not.toContain('reached')
  })

  it('ends with all of it, also what is in namespaces of its own (S09)', async () => {
    const token = `nested-${process.pid}-${user.uid ?? 'own'}`
    const report = await host.run(['/bin/bash', '-c', `${inner} bash -c 'echo ready; exec -a ${token} sleep 300'`], {
      nestedSandbox: true,
      until: 'ready',
      token,
    })
    expect(report.processesBefore).toBeGreaterThan(0)
    expect(report.processesAfter).toBe(0)
  })
})

it('a process in a network namespace of its own is still one of its bottle, to be held to its limits (S13)', async () => {
  const within = (...command: string[]) => [
    '--user',
    '--map-root-user',
    '--net',
    '--pid',
    '--fork',
    '--kill-child',
    ...command,
  ]
  const script = `readlink /proc/self/ns/net; exec unshare ${within().join(' ')} bash -c 'echo ready; exec sleep 300'`
  const child = spawn('unshare', within('bash', '-c', script), { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    let told = ''
    for await (const chunk of child.stdout) {
      told += chunk
      if (told.includes('ready')) break
    }
    const [networkNamespace = ''] = told.split('\n')
    const bottle = { id: 'b-1', networkNamespace, holderPid: 0, limitBytes: 0 }
    const pids = processesOf([bottle]).get('b-1') ?? []
    expect(pids.some((pid) => namespaceOf(pid, 'net') !== networkNamespace)).toBe(true)
    expect(processesOf([{ ...bottle, networkNamespace: 'net:[1]' }]).get('b-1')).toEqual([])
  } finally {
    child.kill('SIGKILL')
  }
})
