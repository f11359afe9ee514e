/**
 * Where the host keeps a credential, as a definition names it: `env:NAME`, `file:PATH`, `keyring:SERVICE[/ACCOUNT]`, `command:…`.
 * Never the credential itself.
 */

export type SecretSource =
  | { readonly kind: 'env'; readonly name: string }
  /** Absolute, or below the user's home with `~/`. */
  | { readonly kind: 'file'; readonly path: string }
  /** Of the Secret Service (GNOME Keyring, KWallet, KeePassXC), by the attributes `service` and `account`. */
  | { readonly kind: 'keyring'; readonly service: string; readonly account?: string }
  /** For the host's `/bin/sh`. */
  | { readonly kind: 'command'; readonly command: string }

export type SecretSourceReading = SecretSource | { readonly kind: 'invalid'; readonly why: string }

/** The variables that these are read from. */
export function environmentNamesOf(sources: readonly SecretSourceReading[]): readonly string[] {
  return [...new Set(sources.flatMap((source) => (source.kind === 'env' ? [source.name] : [])))]
}

/** `why` is the end of a sentence that begins with the text. */
export function readSecretSource(text: string): SecretSourceReading {
  const colon = text.indexOf(':')
  const value = text.slice(colon + 1).trim()
  switch (colon === -1 ? '' : text.slice(0, colon)) {
    case 'env':
      if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return { kind: 'env', name: value }
      return { kind: 'invalid', why: 'names no environment variable; write e.g. env:GITHUB_TOKEN' }
    case 'file':
      if (/^(?:~\/|\/)[^\0]*[^/\0]$/.test(value)) return { kind: 'file', path: value }
      return { kind: 'invalid', why: 'names no file by its absolute path; write e.g. file:~/.config/token' }
    case 'keyring': {
      const [, service, account] = /^([A-Za-z0-9._@:+-]+)(?:\/([A-Za-z0-9._@:+-]+))?$/.exec(value) ?? []
      if (service !== undefined) return { kind: 'keyring', service, ...(account !== undefined && { account }) }
      return {
        kind: 'invalid',
        why: 'names no entry of the keyring; write e.g. keyring:github.com or keyring:github.com/ada',
      }
    }
    case 'command':
      if (value !== '' && !value.includes('\0')) return { kind: 'command', command: value }
      return { kind: 'invalid', why: 'names no command; write e.g. command:gh auth token' }
    default:
      return {
        kind: 'invalid',
        why: 'does not say where the credential is; write env:NAME, file:PATH, keyring:SERVICE or command:…, never the credential itself',
      }
  }
}
