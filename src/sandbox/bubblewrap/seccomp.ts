/**
 * The system call filter of a bottle, as a classic BPF program for `bwrap --seccomp` (kernel: `seccomp(2)`).
 *
 * It closes what namespaces do not: kernel surfaces with a history of escapes (io_uring, bpf, keyrings, userfaultfd,
 * perf), the mount API and new namespaces, sockets that ignore the network namespace (VSOCK reaches the hypervisor's
 * host) or see raw frames (PACKET), and typing into the user's terminal (TIOCSTI, TIOCLINUX). Sockets are an
 * allow-list of families, so a family that a later kernel adds is refused too. ptrace stays: debuggers need it, it
 * reaches only the bottle's own processes, and since Linux 4.8 it is no way around seccomp.
 *
 * A bottle whose programs may make sandboxes of their own (`nested_sandbox`) has namespaces and the old mount calls. In a
 * network namespace of its own a program is its administrator: of netlink only what sets up interfaces is left, not the packet
 * filter.
 */
import { type SeccompArchitecture, syscallTables } from './syscalls.ts'

const load = 0x20 // BPF_LD | BPF_W | BPF_ABS
const jumpIfEqual = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
const jumpIfAtLeast = 0x35 // BPF_JMP | BPF_JGE | BPF_K
const jumpIfAnyBit = 0x45 // BPF_JMP | BPF_JSET | BPF_K
const giveBack = 0x06 // BPF_RET | BPF_K

const allow = 0x7fff_0000
const killProcess = 0x8000_0000
const errno = (code: number): number => 0x0005_0000 | code
const notPermitted = errno(1)
const notImplemented = errno(38)
const familyNotSupported = errno(97)

/** Offsets in `struct seccomp_data`. Arguments are 64 bit, little-endian; the kernel reads only the low half of ours. */
const numberOffset = 0
const architectureOffset = 4
const argumentOffset = (index: number): number => 16 + 8 * index

const cancelledCall = 0xffff_ffff

const allowedFamilies = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10 } as const
const netlink = 16
const netlinkRoute = 0
/** TIOCSETD also: it loads line disciplines, an attack surface that no agent needs. */
const deniedIoctls = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c, TIOCSETD: 0x5423 } as const
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaceFlags = 0x7e02_0000
/** In `clone` this bit belongs to the exit signal, so only `unshare` may test it. */
const newTimeNamespaceFlag = 0x80

interface Instruction {
  readonly code: number
  readonly jumpTrue: number
  readonly jumpFalse: number
  readonly value: number
}

/** What a sandbox within the bottle is made with, besides namespaces. */
const callsOfSandboxes = ['mount', 'umount2', 'pivot_root']

export interface SeccompOptions {
  /** Programs may make sandboxes of their own. */
  readonly nestedSandbox: boolean
}

/** The whole program as bytes: an array of `struct sock_filter`. */
export function buildSeccompProgram(
  architecture: SeccompArchitecture,
  { nestedSandbox }: SeccompOptions = { nestedSandbox: false },
): Uint8Array {
  const table = syscallTables[architecture]
  const denied = Object.entries(table.denied).filter(([name]) => !(nestedSandbox && callsOfSandboxes.includes(name)))
  const deniedClone = nestedSandbox ? 0 : newNamespaceFlags
  return encode([
    statement(load, architectureOffset),
    jump(jumpIfEqual, table.auditArch, { whenTrue: 1, whenFalse: 0 }),
    statement(giveBack, killProcess),
    statement(load, numberOffset),
    // A tracer cancels a call by making its number -1, which would read as a foreign one.
    ...when(jumpIfEqual, cancelledCall, allow),
    ...(table.foreignAbiBit === undefined ? [] : when(jumpIfAtLeast, table.foreignAbiBit, killProcess)),
    ...denied.flatMap(([, number]) => when(jumpIfEqual, number, notPermitted)),
    ...Object.values(table.absent).flatMap((number) => when(jumpIfEqual, number, notImplemented)),
    // The flags of clone3 are behind a pointer, which no filter can follow; libc falls back to clone.
    ...when(jumpIfEqual, table.clone3, notImplemented),
    ...forCall(table.clone, 0, [...when(jumpIfAnyBit, deniedClone, notPermitted), statement(giveBack, allow)]),
    ...forCall(table.unshare, 0, [
      ...when(jumpIfAnyBit, deniedClone | newTimeNamespaceFlag, notPermitted),
      statement(giveBack, allow),
    ]),
    ...forCall(table.ioctl, 1, [
      ...Object.values(deniedIoctls).flatMap((request) => when(jumpIfEqual, request, notPermitted)),
      statement(giveBack, allow),
    ]),
    ...forCall(table.socket, 0, [
      ...Object.values(allowedFamilies).flatMap((family) => when(jumpIfEqual, family, allow)),
      ...(nestedSandbox ? [] : when(jumpIfEqual, netlink, allow)),
      // Of what is left only netlink itself goes on, to have its protocol looked at.
      jump(jumpIfEqual, netlink, { whenTrue: 1, whenFalse: 0 }),
      statement(giveBack, familyNotSupported),
      statement(load, argumentOffset(2)),
      ...when(jumpIfEqual, netlinkRoute, allow),
      statement(giveBack, familyNotSupported),
    ]),
    statement(giveBack, allow),
  ])
}

/** `body` runs with the argument loaded and must end in a verdict; other calls step over it. */
function forCall(number: number, argumentIndex: number, body: readonly Instruction[]): readonly Instruction[] {
  const block = [statement(load, argumentOffset(argumentIndex)), ...body]
  return [jump(jumpIfEqual, number, { whenTrue: 0, whenFalse: block.length }), ...block]
}

function when(test: number, value: number, verdict: number): readonly Instruction[] {
  return [jump(test, value, { whenTrue: 0, whenFalse: 1 }), statement(giveBack, verdict)]
}

function statement(code: number, value: number): Instruction {
  return { code, jumpTrue: 0, jumpFalse: 0, value }
}

function jump(
  code: number,
  value: number,
  { whenTrue, whenFalse }: { whenTrue: number; whenFalse: number },
): Instruction {
  return { code, jumpTrue: whenTrue, jumpFalse: whenFalse, value }
}

function encode(instructions: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(instructions.length * 8))
  for (const [index, { code, jumpTrue, jumpFalse, value }] of instructions.entries()) {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, jumpTrue)
    view.setUint8(index * 8 + 3, jumpFalse)
    view.setUint32(index * 8 + 4, value >>> 0, true)
  }
  return new Uint8Array(view.buffer)
}
