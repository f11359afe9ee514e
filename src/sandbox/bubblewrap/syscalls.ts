/**
 * The numbers of the system calls that a bottle is refused, per architecture, from the kernel's
 * `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`. Numbers never change once given.
 */

export type SeccompArchitecture = 'x64' | 'arm64'

export interface SyscallTable {
  /** `AUDIT_ARCH_*` of the native calls; every other architecture is killed. */
  readonly auditArch: number
  /** The bit that marks x32 calls on x86-64: a second numbering of everything, so a way around any list. */
  readonly foreignAbiBit: number | undefined
  readonly socket: number
  readonly ioctl: number
  readonly clone: number
  readonly clone3: number
  readonly unshare: number
  /** Answered with EPERM. */
  readonly denied: Readonly<Record<string, number>>
  /** Answered with ENOSYS: programs then take the older way that they all have. */
  readonly absent: Readonly<Record<string, number>>
}

/** Calls since Linux 5.1 have one number everywhere. */
const deniedEverywhere = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  mount_setattr: 442,
  quotactl_fd: 443,
  open_tree_attr: 467,
} as const

const absentEverywhere = { io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 } as const

export const syscallTables: Readonly<Record<SeccompArchitecture, SyscallTable>> = {
  x64: {
    auditArch: 0xc000_003e,
    foreignAbiBit: 0x4000_0000,
    socket: 41,
    ioctl: 16,
    clone: 56,
    clone3: 435,
    unshare: 272,
    denied: {
      syslog: 103,
      uselib: 134,
      pivot_root: 155,
      chroot: 161,
      acct: 163,
      mount: 165,
      umount2: 166,
      swapon: 167,
      swapoff: 168,
      reboot: 169,
      iopl: 172,
      ioperm: 173,
      create_module: 174,
      init_module: 175,
      delete_module: 176,
      get_kernel_syms: 177,
      query_module: 178,
      quotactl: 179,
      nfsservctl: 180,
      lookup_dcookie: 212,
      kexec_load: 246,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      perf_event_open: 298,
      open_by_handle_at: 304,
      setns: 308,
      finit_module: 313,
      kexec_file_load: 320,
      bpf: 321,
      userfaultfd: 323,
      ...deniedEverywhere,
    },
    absent: absentEverywhere,
  },
  arm64: {
    auditArch: 0xc000_00b7,
    foreignAbiBit: undefined,
    socket: 198,
    ioctl: 29,
    clone: 220,
    clone3: 435,
    unshare: 97,
    denied: {
      lookup_dcookie: 18,
      umount2: 39,
      mount: 40,
      pivot_root: 41,
      nfsservctl: 42,
      chroot: 51,
      quotactl: 60,
      acct: 89,
      kexec_load: 104,
      init_module: 105,
      delete_module: 106,
      syslog: 116,
      reboot: 142,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      swapon: 224,
      swapoff: 225,
      perf_event_open: 241,
      open_by_handle_at: 265,
      setns: 268,
      finit_module: 273,
      bpf: 280,
      userfaultfd: 282,
      kexec_file_load: 294,
      ...deniedEverywhere,
    },
    absent: absentEverywhere,
  },
}
