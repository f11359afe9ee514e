/**
 * Runs inside a bottle's network namespace, as its own process: binds, hands the listening handles over IPC, leaves.
 * Nothing of it stays in the bottle. Argument: the namespace it must find itself in.
 */
import dgram from 'node:dgram'
import { readlinkSync } from 'node:fs'
import net from 'node:net'
import { bottlePorts } from './ports.ts'

const backlog = 1_024
const lookMs = 50

function hand(message: HelperMessage, handle?: net.Server | dgram.Socket): void {
  process.send?.(message, handle, undefined, (failure) => {
    handle?.close()
    if (failure !== null) process.exit(1)
    remaining -= 1
    if (remaining === 0) process.disconnect()
  })
}

export type HelperMessage =
  | { readonly kind: 'tcp'; readonly name: keyof typeof bottlePorts.tcp }
  | { readonly kind: 'udp' }
  | { readonly kind: 'failed'; readonly reason: string }

function fail(reason: string): void {
  process.send?.({ kind: 'failed', reason } satisfies HelperMessage, () => process.exit(1))
}

const tcpNames = Object.keys(bottlePorts.tcp) as (keyof typeof bottlePorts.tcp)[]
let remaining = tcpNames.length + 1

// Whoever asked is gone: a send that waits for its answer would keep this process for ever.
process.once('disconnect', () => process.exit())
// Node tells of no disconnection where a handle was sent that nobody has acknowledged.
setInterval(() => {
  if (!process.connected) process.exit()
}, lookMs)

// Safety: these ports on the host itself would take the host's traffic.
if (readlinkSync('/proc/self/ns/net') !== process.argv[2]) {
  fail('not in the network namespace of the bottle')
} else {
  for (const name of tcpNames) {
    const server = net.createServer()
    server.on('error', (failure) => fail(failure.message))
    server.listen({ ...bottlePorts.tcp[name], backlog }, () => hand({ kind: 'tcp', name }, server))
  }
  const responder = dgram.createSocket('udp4')
  responder.on('error', (failure) => fail(failure.message))
  responder.bind({ ...bottlePorts.dns }, () => hand({ kind: 'udp' }, responder))
}
