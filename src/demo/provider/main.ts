/**
 * The simulated provider as a process of its own.
 *
 * When it is ready it prints one line of JSON, `{ port, controlPort, caCertificate }`, and nothing else ever on stdout.
 * `GET http://127.0.0.1:<controlPort>/served` answers `{ served, connectionCount }`. It ends on SIGTERM and when its
 * stdin closes: whoever starts it holds the other end of a pipe, and so it never outlives its starter.
 */
import { startControl } from './control.ts'
import { parseFlags } from './flags.ts'
import { startSimulatedProvider } from './simulated-provider.ts'

const options = await parseFlags(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`simulated provider: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
})
await using ending = new AsyncDisposableStack()
const provider = ending.use(await startSimulatedProvider(options))
const control = ending.use(await startControl(provider))
const stopped = new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve)
  process.once('SIGINT', resolve)
  process.stdin.once('close', resolve).once('end', resolve).once('error', resolve).resume()
})
const { port, caCertificate } = provider
process.stdout.write(`${JSON.stringify({ port, controlPort: control.port, caCertificate })}\n`)
await stopped
process.stdin.destroy()
