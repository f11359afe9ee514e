/** Where real credentials come from. A value is held in the controller's memory only, never logged and never given to a bottle. */
import { BottleError } from '../core/errors.ts'
import type { Provider } from '../core/provider/provider.ts'

/** The names of the environment variables that a provider's credential may be in. */
export function environmentNamesOf({ credential }: Provider): readonly string[] {
  return credential.sources.map((source) => source.replace(/^env:/, ''))
}

/** The first source that has a value. Throws BottleError `credential_missing` naming all that were tried. */
export function readCredential(provider: Provider, env: Readonly<Record<string, string | undefined>>): string {
  const names = environmentNamesOf(provider)
  const value = names.map((name) => env[name]?.trim()).find((found) => found)
  if (value !== undefined && /^[\x21-\x7e]+$/.test(value)) return value
  const fault = value === undefined ? 'is missing' : 'has a character that no HTTP header may have'
  throw new BottleError(
    'credential_missing',
    `the credential of provider ${provider.name} ${fault} (${names.join(', ')})`,
    {
      hint: `Set it for this command, e.g.: ${names[0]}=… bot-bottle start ${provider.name}. The bottle itself never sees it.`,
    },
  )
}
