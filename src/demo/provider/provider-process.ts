/** Starts the simulated provider as a process of its own and speaks with its control port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { ServedRequest } from './request-log.ts'

export interface ProviderProcess extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  readonly controlPort: number
  /** PEM of the CA that a client must trust. */
  readonly caCertificate: string
  /** The log so far, as `SimulatedProvider.served`. */
  served(): Promise<readonly ServedRequest[]>
}

const readySchema = z.object({ port: z.int(), controlPort: z.int(), caCertificate: z.string() })
const START_TIMEOUT_MS = 10_000
const STOP_TIMEOUT_MS = 2_000

/** `flags` as on the command line, see flags.ts. Throws a plain error with what the process said when it does not start. */
export async function startProviderProcess(flags: readonly string[] = []): Promise<ProviderProcess> {
  const main = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))
  const child = spawn(process.execPath, [main, ...flags], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-2_000)
  })
  // The pipe breaks when the process is gone, which `ended` tells already.
  child.stdin.on('error', () => {})
  const stop = async () => {
    child.stdin.end()
    const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(deadline)
  }
  const lines = createInterface({ input: child.stdout })
  const deadline = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  const first = await Promise.race([once(lines, 'line'), ended.then(() => undefined)])
  clearTimeout(deadline)
  const pid = child.pid
  if (first === undefined || pid === undefined)
    throw new Error(`the simulated provider did not start: ${complaint.trim()}`)
  const ready = readySchema.parse(JSON.parse(String(first[0])))
  return {
    pid,
    ...ready,
    async served() {
      const response = await fetch(`http://127.0.0.1:${ready.controlPort}/served`)
      const { served } = (await response.json()) as { served: readonly ServedRequest[] }
      return served
    },
    [Symbol.asyncDispose]: stop,
  }
}
