/** A bottle that floods its own listener with connections, 500 at a time, until it is told to stop. Tells how many there were. */
import { connect } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'

export type FloodKind = 'connects' | 'handshakes'

const atOnce = 500
/** Each is kept so long, unless it is closed before. */
const keptMs = 200

process.once('message', ({ port, kind, count }: { port: number; kind: FloodKind; count: number }) => {
  const secureContext = createSecureContext()
  let opened = 0
  let closed = 0
  const open = () => {
    if (opened >= count) return
    const name = `n${opened}.test`
    opened += 1
    const socket = connect(port, '127.0.0.1')
    if (kind === 'handshakes') {
      connectTls({ socket, servername: name, secureContext, rejectUnauthorized: false }).on('error', () => {})
    }
    const timer = setTimeout(() => socket.destroy(), keptMs)
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(timer)
      closed += 1
      if (closed === count) process.send?.('done')
      else open()
    })
  }
  for (let index = 0; index < atOnce; index += 1) open()
})
process.once('disconnect', () => process.exit(0))
