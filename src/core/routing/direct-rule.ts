/**
 * What is reached without the company's proxy (`no_proxy`): a name, `.SUFFIX` (the suffix and every name below it), an address, or a
 * range of addresses such as `10.0.0.0/8`. Addresses are those that are dialled as such: names are not resolved for it.
 */
import { canonicalHost } from './canonical-host.ts'

export type DirectRule =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'suffix'; readonly suffix: string }
  | {
      readonly kind: 'range'
      readonly address: string
      readonly prefixBits: number
      readonly family: 'ipv4' | 'ipv6'
    }

/** `why` is the end of a sentence that begins with the text. */
export type DirectRuleReading = DirectRule | { readonly kind: 'invalid'; readonly why: string }

export function readDirectRule(text: string): DirectRuleReading {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = familyOf(address)
  if (family !== undefined && rest.length === 0) return range(address, family, prefix)
  if (text.includes('*')) return invalid('has a *; write .SUFFIX for every name below a suffix')
  const host = canonicalHost(text.replace(/^\./, ''))
  if (host.kind !== 'name') return invalid('is no host name, .SUFFIX, address or range such as 10.0.0.0/8')
  return text.startsWith('.') ? { kind: 'suffix', suffix: host.name } : { kind: 'name', name: host.name }
}

function range(address: string, family: 'ipv4' | 'ipv6', prefix: string | undefined): DirectRuleReading {
  const bits = family === 'ipv4' ? 32 : 128
  const prefixBits = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (!(prefixBits <= bits)) return invalid(`has no prefix from 0 to ${bits}`)
  return { kind: 'range', address, prefixBits, family }
}

function familyOf(text: string): 'ipv4' | 'ipv6' | undefined {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text)) return 'ipv4'
  return text.includes(':') && URL.canParse(`http://[${text}]/`) ? 'ipv6' : undefined
}

function invalid(why: string): DirectRuleReading {
  return { kind: 'invalid', why }
}
