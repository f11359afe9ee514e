import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createAddressGuard, guardedLookup, type Resolve } from './address-guard.ts'

const isAllowed = createAddressGuard()

const forbidden: readonly (readonly [string, ...string[]])[] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private 10/8', '10.0.0.0', '10.255.255.255'],
  ['carrier-grade NAT', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.1', '127.255.255.255'],
  ['link-local and cloud metadata', '169.254.0.0', '169.254.169.254'],
  ['private 172.16/12', '172.16.0.0', '172.31.255.255'],
  ['protocol assignments', '192.0.0.0', '192.0.0.255'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ['6to4 relays', '192.88.99.1'],
  ['private 192.168/16', '192.168.0.0', '192.168.255.255'],
  ['benchmarks', '198.18.0.1', '198.19.255.255'],
  ['multicast', '224.0.0.1', '239.255.255.255'],
  ['reserved and broadcast', '240.0.0.1', '255.255.255.255'],
  ['unspecified and loopback v6', '::', '::1'],
  ['IPv4-compatible', '::127.0.0.1', '::a00:1'],
  [
    'IPv4-mapped',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '::FFFF:10.1.2.3',
    '::ffff:192.168.0.1',
  ],
  ['IPv4-mapped, written out', '0:0:0:0:0:ffff:7f00:0001', '0000:0000:0000:0000:0000:ffff:127.0.0.1'],
  ['IPv4-translated', '::ffff:0:127.0.0.1', '::ffff:0:a00:1'],
  ['NAT64', '64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b:1::1'],
  ['discard', '100::1'],
  ['Teredo and other assignments', '2001::1', '2001:1ff::1'],
  ['documentation v6', '2001:db8::1', '3fff::1'],
  ['6to4', '2002:7f00:1::', '2002:a00:1::1'],
  ['segment routing', '5f00::1'],
  ['unique local', 'fc00::1', 'fd00:ec2::254', 'fdff:ffff::1'],
  ['link-local v6', 'fe80::1', 'febf::1', 'fe80::1%eth0', 'fe80::1%1'],
  ['site-local', 'fec0::1'],
  ['multicast v6', 'ff02::1'],
  ['what is no address', '', 'localhost', '127.1', '2130706433', '0x7f.0.0.1', '1.2.3.4.5', '8.8.8.8 ', '8.8.8.8%lo'],
]

describe('an address', () => {
  it.each(forbidden)('is refused when it is %s (H05)', (_, ...addresses) => {
    for (const address of addresses) expect(`${address} ${isAllowed(address)}`).toBe(`${address} false`)
  })

  it.each([
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '198.17.255.255',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '2606:4700::1111',
    '2a00:1450:4001::1',
  ])('is allowed when it is public: %s', (address) => {
    expect(isAllowed(address)).toBe(true)
  })

  it('is refused when it is one of the host itself (S08)', () => {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
    expect(own).not.toEqual([])
    for (const { address } of own) expect(isAllowed(address)).toBe(false)
  })
})

interface Answer {
  readonly address: string
  readonly family: number
}

/** Looks a name up where the resolver says these things, one after the other. */
function look(all: boolean, ...answers: readonly (readonly Answer[] | NodeJS.ErrnoException)[]) {
  const asked: string[] = []
  const resolve: Resolve = (name, _, callback) => {
    const answer = answers[asked.length] ?? []
    asked.push(name)
    if (answer instanceof Error) callback(answer, [])
    else callback(null, [...answer])
  }
  const { promise, resolve: give } = Promise.withResolvers<{ error: NodeJS.ErrnoException | null; result: unknown }>()
  guardedLookup(isAllowed, resolve)('name.test', { all }, (error, result, family) =>
    give({ error, result: family === undefined ? result : { address: result, family } }),
  )
  return { outcome: promise, asked }
}

const publicV4 = { address: '8.8.8.8', family: 4 }
const publicV6 = { address: '2606:4700::1111', family: 6 }
const loopback = { address: '127.0.0.1', family: 4 }

describe('the guarded lookup', () => {
  it.each([
    [[loopback]],
    [[publicV4, { address: '10.0.0.1', family: 4 }]],
    [[{ address: '169.254.169.254', family: 4 }, publicV4]],
    [[publicV4, publicV6, { address: '::ffff:127.0.0.1', family: 6 }]],
    [[publicV6, { address: 'fe80::1%eth0', family: 6 }]],
    [[]],
  ])('refuses the name when any of its answers is forbidden, or there is none: %j (H05)', async (answers) => {
    for (const all of [true, false]) {
      const { error } = await look(all, answers).outcome
      expect(error?.code).toBe('ERR_ADDRESS_NOT_ALLOWED')
      expect(error?.message).toContain('name.test')
    }
  })

  it('gives exactly the addresses that it checked, and asks only once (H06)', async () => {
    const { outcome, asked } = look(true, [publicV4, publicV6], [loopback])
    expect((await outcome).result).toEqual([publicV4, publicV6])
    expect(asked).toEqual(['name.test'])
  })

  it('gives the first of the checked addresses to who wants one', async () => {
    expect((await look(false, [publicV6, publicV4]).outcome).result).toEqual(publicV6)
  })

  it('passes the failure of the resolver on', async () => {
    const failure = Object.assign(new Error('getaddrinfo ENOTFOUND name.test'), { code: 'ENOTFOUND' })
    expect((await look(true, failure).outcome).error?.code).toBe('ENOTFOUND')
  })
})
