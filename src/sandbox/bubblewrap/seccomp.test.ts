import { describe, expect, it } from 'vitest'
import { buildSeccompProgram } from './seccomp.ts'
import { type SeccompArchitecture, syscallTables } from './syscalls.ts'

interface Call {
  readonly arch: number
  readonly number: number
  readonly args?: readonly number[]
}

/** Runs the program as the kernel would; a program that reads or jumps outside fails the test. */
function verdict(program: Uint8Array, { arch, number, args = [] }: Call): string {
  const seccompData = new DataView(new ArrayBuffer(64))
  seccompData.setUint32(0, number, true)
  seccompData.setUint32(4, arch, true)
  for (const [index, value] of args.entries()) seccompData.setBigUint64(16 + 8 * index, BigInt(value), true)
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  let accumulator = 0
  for (let at = 0; ; at++) {
    const operation = code.getUint16(at * 8, true)
    const value = code.getUint32(at * 8 + 4, true)
    if (operation === 0x06) return nameOf(value)
    if (operation === 0x20) accumulator = seccompData.getUint32(value, true)
    else at += code.getUint8(at * 8 + (isTrue(operation, accumulator, value) ? 2 : 3))
  }
}

function isTrue(operation: number, accumulator: number, value: number): boolean {
  if (operation === 0x15) return accumulator === value
  if (operation === 0x35) return accumulator >= value
  if (operation === 0x45) return (accumulator & value) !== 0
  throw new Error(`unknown operation ${operation}`)
}

function nameOf(value: number): string {
  if (value === 0x7fff_0000) return 'allow'
  if (value === 0x8000_0000) return 'kill'
  return { 1: 'EPERM', 38: 'ENOSYS', 97: 'EAFNOSUPPORT' }[value & 0xffff] ?? `errno ${value & 0xffff}`
}

const sigchld = 17

describe.each<SeccompArchitecture>(['x64', 'arm64'])('buildSeccompProgram on %s', (architecture) => {
  const table = syscallTables[architecture]
  const program = buildSeccompProgram(architecture)
  const arch = table.auditArch
  const ask = (number: number, ...args: number[]) => verdict(program, { arch, number, args })

  it('refuses every call on the list, and hides those that have an older way (S05)', () => {
    for (const number of Object.values(table.denied)) expect(ask(number)).toBe('EPERM')
    for (const number of Object.values(table.absent)) expect(ask(number)).toBe('ENOSYS')
    expect(ask(table.clone3)).toBe('ENOSYS')
  })

  it.each([
    ['AF_UNIX', 1, 'allow'],
    ['AF_INET', 2, 'allow'],
    ['AF_INET6', 10, 'allow'],
    ['AF_NETLINK', 16, 'allow'],
    ['AF_PACKET', 17, 'EAFNOSUPPORT'],
    ['AF_ALG', 38, 'EAFNOSUPPORT'],
    ['AF_VSOCK', 40, 'EAFNOSUPPORT'],
    ['a family of the future', 4_000, 'EAFNOSUPPORT'],
    ['AF_VSOCK behind a high half that the kernel ignores', 2 ** 32 + 40, 'EAFNOSUPPORT'],
  ])('answers socket of %s (S05)', (_, family, expected) => {
    expect(ask(table.socket, family, 1, 0)).toBe(expected)
  })

  it.each([
    ['TIOCSTI', 0x5412, 'EPERM'],
    ['TIOCLINUX', 0x541c, 'EPERM'],
    ['TIOCSETD', 0x5423, 'EPERM'],
    ['TIOCSTI behind a high half that the kernel ignores', 2 ** 32 + 0x5412, 'EPERM'],
    ['TIOCGWINSZ', 0x5413, 'allow'],
    ['TCGETS', 0x5401, 'allow'],
  ])('answers ioctl %s (S05)', (_, request, expected) => {
    expect(ask(table.ioctl, 0, request, 0)).toBe(expected)
  })

  it('lets processes and threads start, but no namespace (S05)', () => {
    expect(ask(table.clone, sigchld)).toBe('allow')
    expect(ask(table.clone, 0x003d_0f00)).toBe('allow')
    expect(ask(table.clone, 0x1000_0000 | sigchld)).toBe('EPERM')
    expect(ask(table.clone, 0x4000_0000 | sigchld)).toBe('EPERM')
    expect(ask(table.unshare, 0x1000_0000)).toBe('EPERM')
    expect(ask(table.unshare, 0x80)).toBe('EPERM')
    expect(ask(table.unshare, 0x400)).toBe('allow')
  })

  it('lets sandboxes be made where a bottle may: namespaces and the old mount calls, no more (S05, S12)', () => {
    const nested = buildSeccompProgram(architecture, { nestedSandbox: true })
    const within = (number: number, ...args: number[]) => verdict(nested, { arch, number, args })
    const { mount, umount2, pivot_root, ...others } = table.denied
    for (const number of [mount, umount2, pivot_root])
      expect(within(number ?? expect.fail('not in the table'))).toBe('allow')
    for (const number of Object.values(others)) expect(within(number)).toBe('EPERM')
    for (const number of [table.clone3, ...Object.values(table.absent)]) expect(within(number)).toBe('ENOSYS')
    for (const call of [table.clone, table.unshare]) expect(within(call, 0x7e02_0000)).toBe('allow')
    expect(within(table.unshare, 0x80)).toBe('EPERM')
    expect(within(table.ioctl, 0, 0x5412)).toBe('EPERM')
    expect(within(table.socket, 16, 3, 0)).toBe('allow')
    for (const protocol of [4, 9, 12, 15, 16]) expect(within(table.socket, 16, 3, protocol)).toBe('EAFNOSUPPORT')
    for (const family of [17, 38, 40]) expect(within(table.socket, family, 3, 0)).toBe('EAFNOSUPPORT')
  })

  it('leaves ordinary calls alone', () => {
    for (const number of [0, 1, 2, 3, 9, 59, 63, 64, 202, 221, 231, 439]) {
      if (Object.values(table.denied).includes(number)) continue
      expect(ask(number)).toBe('allow')
    }
  })

  it('kills calls of every other architecture (S05)', () => {
    for (const foreign of [0x4000_0003, 0x4000_0028, 0, architecture === 'x64' ? 0xc000_00b7 : 0xc000_003e]) {
      expect(verdict(program, { arch: foreign, number: 1 })).toBe('kill')
    }
  })

  it('lets a tracer cancel a call', () => {
    expect(ask(0xffff_ffff)).toBe('allow')
  })

  it('gives a verdict for every number, within the kernel limit of instructions', () => {
    for (let number = 0; number < 600; number++) expect(ask(number)).toMatch(/^(allow|E[A-Z]+)$/)
    expect(program.length / 8).toBeLessThan(4_096)
    expect(program.length % 8).toBe(0)
  })
})

it('kills x32 calls, a second numbering of everything (S05)', () => {
  const program = buildSeccompProgram('x64')
  expect(verdict(program, { arch: 0xc000_003e, number: 0x4000_0000 + 41 })).toBe('kill')
})
