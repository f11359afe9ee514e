import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { syscallTables } from '../../src/sandbox/bubblewrap/syscalls.ts'
import { openTestHost, secret, type TestHost, testUsers } from './run-in-bottle.ts'

const table = syscallTables[process.arch === 'arm64' ? 'arm64' : 'x64']
const perl = '/usr/bin/perl'

describe.each(testUsers)('a bubblewrap bottle $title', (user) => {
  let host: TestHost
  beforeAll(() => {
    host = openTestHost(user)
  })
  afterAll(() => host[Symbol.dispose]())

  const shell = (script: string, options = {}) => host.run(['/bin/bash', '-c', script], options)

  it('refuses the kernel surfaces that namespaces leave open (S05)', async () => {
    expect(existsSync(perl), 'this test makes raw system calls with perl').toBe(true)
    const calls: Record<string, readonly [number: number, ...args: (number | string)[]]> = {
      'socket VSOCK': [table.socket, 40, 1, 0],
      'socket PACKET': [table.socket, 17, 3, 0],
      'socket INET RAW': [table.socket, 2, 3, 1],
      'ioctl TIOCSTI': [table.ioctl, 0, 0x5412, 'x'],
      'unshare NEWUSER': [table.unshare, 0x1000_0000],
      clone3: [table.clone3, 0, 0],
      ...Object.fromEntries(Object.entries(table.absent).map(([name, number]) => [name, [number, 0, 0, 0]])),
      ...Object.fromEntries(Object.entries(table.denied).map(([name, number]) => [name, [number, 0, 0, 0, 0, 0]])),
    }
    const script = Object.entries(calls)
      .map(([name, args]) => `$! = 0; syscall(${args.map(perlValue).join(', ')}); print "${name}=", $! + 0, "\\n";`)
      .join('\n')
    const { stdout, exitCode } = await host.run([perl, '-e', script])
    expect(exitCode).toBe(0)
    const expected = Object.keys(calls).map((name) => `${name}=${expectedErrno(name)}`)
    expect(stdout.trim().split('\n')).toEqual(expected)
  })

  it.runIf(process.arch === 'x64')('kills a program that makes a call of a foreign architecture (S05)', async () => {
    const { exitCode } = await host.run([perl, '-e', `syscall(${0x4000_0000 + 39}); print "alive"`])
    expect(exitCode).toBe(128 + 31)
  })

  it('holds no capability and no way to get one, and sees no process of the host (S05)', async () => {
    const { stdout } = await shell(
      'grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status; unshare --user true; echo $?; ls -d /proc/[0-9]* | wc -l',
    )
    const lines = stdout.split('\n').map((line) => line.replace(/\s+/, ' '))
    expect(lines.slice(0, 7)).toEqual([
      'CapInh: 0000000000000000',
      'CapPrm: 0000000000000000',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ])
    expect(lines[7]).toBe('1')
    expect(Number(lines[8])).toBeLessThan(10)
  })

  it('finds no setting of the kernel that it could write, also when its user is root on the host (S05)', async () => {
    const { stdout } = await shell(
      'find /proc /sys -path "/proc/[0-9]*" -prune -o -path /proc/self -prune -o -path /proc/thread-self -prune -o -type f -print 2>/dev/null | while read -r file; do { : >> "$file"; } 2>/dev/null && echo "$file"; done; test -e /proc/sys/kernel/core_pattern && echo looked',
    )
    expect(stdout).toBe('looked\n')
  })

  it('inherits no descriptor but the three standard ones (S15)', async () => {
    const { stdout: descriptors } = await shell('echo /proc/self/fd/*; echo /proc/$PPID/fd/*')
    // The shell's own glob opens the folder, as the first free descriptor.
    expect(descriptors.split('\n')[0]).toMatch(
      /^\/proc\/self\/fd\/0 \/proc\/self\/fd\/1 \/proc\/self\/fd\/2( \/proc\/self\/fd\/3)?$/,
    )
    expect(descriptors).not.toMatch(/\/(77|255|300)\b/)
  })

  it('finds no secret of the host: homes, environment, processes (S17)', async () => {
    const { stdout, stderr } = await shell(
      `ls -A /root /home ${host.home} 2>&1; env; cat /proc/[0-9]*/environ | tr '\\0' '\\n'; tr '\\0' ' ' < /proc/1/cmdline; cat ${host.home}/.ssh/id_ed25519`,
    )
    expect(stdout + stderr).not.toContain(secret)
    expect(stderr).toContain('No such file or directory')
    const { stdout: firstEnvironment } = await shell('tr "\\0" "\\n" < /proc/1/environ')
    expect(firstEnvironment).toBe('')
    const { stdout: etc } = await shell('ls /etc; cat /etc/passwd')
    expect(etc).not.toMatch(/shadow|npmrc|gitconfig|sudoers|machine-id/)
    expect(etc).toContain('agent:x:1000')
  })
})

const perlValue = (value: number | string): string =>
  typeof value === 'string' ? `(my $text = '${value}')` : String(value)

function expectedErrno(name: string): number {
  if (name === 'socket VSOCK' || name === 'socket PACKET') return 97
  return name === 'clone3' || name in table.absent ? 38 : 1
}
