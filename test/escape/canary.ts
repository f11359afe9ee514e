/** Servers on the host that count whatever reaches them: a bottle that is closed leaves every count at 0. */
import dgram from 'node:dgram'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'

export interface Canary extends AsyncDisposable {
  readonly tcpPort: number
  readonly udpPort: number
  /** Whether UDP port 53 of the host is watched too: it takes root, and no resolver there. */
  readonly watchesDns: boolean
  /** Addresses by which the host itself is reached. */
  readonly addresses: readonly string[]
  readonly abstractSocket: string
  readonly socketPath: string
  seen(): number
}

export async function openCanary(socketPath: string): Promise<Canary> {
  let seen = 0
  const count = (): void => {
    seen += 1
  }
  const servers = [net.createServer(count), net.createServer(count), net.createServer(count)] as const
  const [tcp, unix, abstract] = servers
  const abstractSocket = `\0bot-bottle-canary-${process.pid}`
  tcp.listen(0, '0.0.0.0')
  unix.listen(socketPath)
  abstract.listen(abstractSocket)
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const udp = await bindUdp(0, count)
  const dns = await bindUdp(53, count).catch(() => undefined)
  return {
    tcpPort: (tcp.address() as AddressInfo).port,
    udpPort: udp.address().port,
    watchesDns: dns !== undefined,
    addresses: hostAddresses(),
    abstractSocket,
    socketPath,
    seen: () => seen,
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) server.close()
      udp.close()
      dns?.close()
    },
  }
}

async function bindUdp(port: number, count: () => void): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4', count)
  socket.bind(port, '0.0.0.0')
  await once(socket, 'listening')
  return socket
}

function hostAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return all.filter(({ family }) => family === 'IPv4').map(({ address }) => address)
}
