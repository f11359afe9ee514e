/**
 * What a sandbox backend promises: a program runs where its only way out is the listeners that come back from `open`.
 *
 * **Invariant** (I1) Nothing leaves but through the listeners, by force of the kernel, where `contained` is true.
 * **Invariant** (I10) A backend that cannot keep its promise fails in `open`; it never weakens it.
 */
import type { Server } from 'node:net'
import type { Limits } from '../core/limits/limits.ts'

export type SandboxName = 'bubblewrap' | 'none'

export type Workspace =
  /** The host's directory itself, read and write. */
  | { readonly kind: 'direct'; readonly path: string }
  /** `shownAt`: where the bottle has it, where that is another path: it came from another host. */
  /** What is written stays in a layer of the bottle's directory: an overlay, or a copy where the kernel mounts none. */
  | { readonly kind: 'layer'; readonly path: string; readonly shownAt?: string }
  /** A copy of it in the bottle's directory: also what changes in the directory later is not seen. */
  | { readonly kind: 'copy'; readonly path: string; readonly shownAt?: string }
  /** An empty directory of the bottle's own. */
  | { readonly kind: 'none' }

export interface SandboxSpec {
  readonly id: string
  /** The bottle's private directory on the host: exists, mode 0700, owned by the caller, who also removes it. */
  readonly directory: string
  /** The program, found by the caller (absolute path), and its arguments. */
  readonly command: readonly [file: string, ...args: string[]]
  /** Environment for the program. The backend adds HOME, PATH, proxy and CA variables; these here win over its own. */
  readonly env: Readonly<Record<string, string>>
  readonly workspace: Workspace
  /** Further host paths that are visible inside at the same path, read-only. */
  readonly readOnlyPaths: readonly string[]
  /** Files to create in the bottle's home before the start: path relative to home → content. */
  readonly homeFiles: Readonly<Record<string, string>>
  /** The certificate of the bottle's own CA, PEM. */
  readonly caCertificate: string
  /** `none` holds none of them. */
  readonly limits: Limits
  /** Programs may make sandboxes of their own, with user namespaces and mounts. */
  readonly nestedSandbox: boolean
}

/** The command that the CLI (or, detached, the controller) starts; it holds no secret. */
export interface LaunchCommand {
  readonly file: string
  readonly args: readonly string[]
  /** The whole environment of the command: nothing of the starter's own is added. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** Not listening to `connection` yet: the owner attaches its handlers. All are bound and accept into their backlog. */
export interface SandboxListeners {
  /** Explicit proxy, 127.0.0.1:3128 inside (an ephemeral loopback port of the host for `none`). */
  readonly proxy: Server
  /** Whatever connects to any IPv4 address at port 443; absent for `none`. */
  readonly tls?: Server
  /** Whatever connects to any IPv4 address at port 80; absent for `none`. */
  readonly http?: Server
}

/** Enough to find what is left of a bottle after its controller died. Plain JSON, kept in the ledger. */
export type SandboxReference =
  | {
      readonly kind: 'bubblewrap'
      /** Host pid of pid 1 of the bottle's outer pid namespace. */
      readonly holderPid: number
      /** Start time of that process in clock ticks after boot (`/proc/PID/stat` field 22): pids are used again. */
      readonly holderStartTicks: number
      /** `/proc/sys/kernel/random/boot_id` at the start. */
      readonly bootId: string
      /** `net:[4026…]`: where the listeners are, and the program with them. */
      readonly networkNamespace: string
    }
  | { readonly kind: 'none' }

/** A sandbox whose ways out are held by this process. */
export interface HeldSandbox {
  readonly reference: SandboxReference
  readonly listeners: SandboxListeners
  /** Lets go of the listeners: the bottle lives on without a way out, until another controller adopts it. */
  leave(): void
  /** Ends every process of the bottle; resolves when none is left. Idempotent. */
  kill(): Promise<void>
}

export interface Sandbox extends HeldSandbox, AsyncDisposable {
  readonly launch: LaunchCommand
  /** Host path that takes what the program writes to its workspace: the directory itself, a copy, or a layer over it. */
  readonly workspacePath: string
  /** To be called once the reference is durable: until then the bottle ends with this process, so that none is ever lost. */
  outlive(): void
}

/** One finding of `doctor`: a thing that the backend needs. */
export interface Finding {
  /** What was looked at, e.g. `user namespaces`. */
  readonly subject: string
  readonly ok: boolean
  /** What was found: a version, a path, or why it fails. */
  readonly found: string
  /** What to do about it, when not ok. */
  readonly hint?: string
}

export interface SandboxBackend {
  readonly name: SandboxName
  /** Whether I1 holds. False only for `none`. */
  readonly contained: boolean
  probe(): Promise<readonly Finding[]>
  /** Throws BottleError `sandbox_unavailable` when the host lacks something, `sandbox_failed` when the start fails. */
  open(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>
  /**
   * Opens anew the listeners of a bottle whose controller is gone; undefined when nothing of it lives, or when it cannot be
   * contained again. Rejects when it lives and its listeners cannot be opened.
   */
  adopt(reference: SandboxReference, signal: AbortSignal): Promise<HeldSandbox | undefined>
  /**
   * Stops every process of a bottle, whoever started it; `continue` lets them go on. Throws BottleError `sandbox_failed` when one
   * does not stop, and for a backend that cannot.
   */
  pause(reference: SandboxReference): Promise<void>
  continue(reference: SandboxReference): void
  /** Kills what is left of a bottle whose controller died. Does nothing when it is gone or the pid is another's now. */
  sweep(reference: SandboxReference): Promise<void>
}
