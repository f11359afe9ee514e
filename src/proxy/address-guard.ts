/**
 * Which addresses a name may resolve to. Safety (SSRF): every answer of the resolver is checked and the checked address
 * is dialled, so that a name cannot lead to the host itself, its networks or a metadata service, nor change its answer
 * between check and dial. Ranges: IANA special-purpose registries (RFC 6890 and successors).
 */
import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { proxyLimits } from './limits.ts'

const forbiddenV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
] // prettier-ignore
const forbiddenV6 = [
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] // prettier-ignore

export type AddressGuard = (address: string) => boolean

/** True for an address that may be dialled. The host's own addresses are read once, here. */
export function createAddressGuard(): AddressGuard {
  const forbidden = new BlockList()
  for (const range of forbiddenV4) addRange(forbidden, range, 'ipv4')
  for (const range of forbiddenV6) addRange(forbidden, range, 'ipv6')
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? [])
      forbidden.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  // A BlockList checks IPv4-mapped IPv6 addresses (::ffff:0:0/96) against its IPv4 rules.
  return (address) => isIP(address) !== 0 && !forbidden.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** A lookup for `net.connect` that fails unless every address of the name may be dialled. */
export function guardedLookup(isAllowed: AddressGuard, resolve: Resolve = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '')
      const refusal = forbiddenAddress(
        hostname,
        addresses.map(({ address }) => address),
        isAllowed,
      )
      if (refusal) return callback(refusal, '')
      const first = addresses[0]
      if (!first) return callback(notAllowed(`${hostname} resolves to nothing`), '')
      if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

/** The error for a name one of whose addresses must not be dialled. */
export function forbiddenAddress(
  hostname: string,
  addresses: readonly string[],
  isAllowed: AddressGuard,
): NodeJS.ErrnoException | undefined {
  const forbidden = addresses.find((address) => !isAllowed(address))
  return forbidden === undefined
    ? undefined
    : notAllowed(`${hostname} resolves to ${forbidden}, which no bottle may reach`)
}

function notAllowed(message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: 'ERR_ADDRESS_NOT_ALLOWED' })
}

/** By DNS alone, within its limit: in a company's network many names are known to its proxy only, and silence is usual. */
export async function resolveByDns(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: proxyLimits.localDnsMs, tries: 1 })
  const timer = setTimeout(() => resolver.cancel(), proxyLimits.localDnsMs)
  const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  clearTimeout(timer)
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
}

function addRange(list: BlockList, range: string, family: 'ipv4' | 'ipv6'): void {
  const [network = '', prefix] = range.split('/')
  list.addSubnet(network, Number(prefix), family)
}
