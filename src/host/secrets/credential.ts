/**
 * A real credential, read from where the host keeps it each time it is needed, and held in the controller's memory only:
 * never logged, never given to a bottle. A source that fails later is an error then, not a reason to use an old value.
 */
import { BottleError, messageOf } from '../../core/errors.ts'
import type { LoginName } from '../../core/provider/login.ts'
import { credentialFault } from '../../core/routing/credential.ts'
import type { AuthScheme } from '../../core/routing/route.ts'
import { environmentNamesOf, readSecretSource, type SecretSource } from '../../core/routing/secret-source.ts'
import { readKeyring } from './keyring.ts'
import type { Logins } from './logins.ts'
import { runSecretCommand, SecretCommandError } from './secret-command.ts'
import { readSecretFile } from './secret-file.ts'

export interface CredentialOptions {
  /** Whose it is, e.g. `provider claude`. */
  readonly subject: string
  readonly scheme: AuthScheme
  /** `env:NAME`, `file:PATH`, `keyring:…` or `command:…`; the first that has a value counts. */
  readonly sources: readonly string[]
  /** The environment of the user: what `env:` reads and `command:` gets. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly nowMs: () => number
  /** Told what was read, each time. */
  onSecret?(secret: string): void
}

export interface Credential {
  /** Not a promise where nothing has to be waited for. Throws or rejects with BottleError `credential_missing`. */
  read(): string | Promise<string>
}

/** A file is looked at again, and a command run again, when its value is older. */
const keptMs: Readonly<Record<SecretSource['kind'], number>> = {
  env: Infinity,
  file: 5_000,
  keyring: 300_000,
  command: 300_000,
}

export function createCredential(options: CredentialOptions): Credential {
  return keptCredential(() => firstSecret(options), options)
}

export interface LoginCredentialOptions
  extends Pick<CredentialOptions, 'subject' | 'environment' | 'nowMs' | 'onSecret'> {
  readonly login: LoginName
  readonly logins: Logins
}

/** That of the sign-in which the program itself keeps on the host. */
export function createLoginCredential({
  subject,
  login,
  logins,
  environment,
  ...kept
}: LoginCredentialOptions): Credential {
  const read = async () => {
    try {
      return { secret: await logins.read(login, environment), keptMs: keptMs.file }
    } catch (cause) {
      throw missingCredential(subject, messageOf(cause), [])
    }
  }
  return keptCredential(read, kept)
}

/** `why` is the message of its cause, too. */
export function missingCredential(subject: string, why: string, hints: readonly string[]): BottleError {
  return new BottleError('credential_missing', `the credential of ${subject} is missing: ${why}`, {
    hint: [...hints, 'The bottle itself never sees it.'].join(' '),
    cause: new Error(why),
  })
}

interface FoundSecret {
  readonly secret: string
  readonly keptMs: number
}

function keptCredential(
  read: () => Promise<FoundSecret>,
  { nowMs, onSecret }: Pick<CredentialOptions, 'nowMs' | 'onSecret'>,
): Credential {
  let kept: { readonly secret: string; readonly untilMs: number } | undefined
  let reading: Promise<string> | undefined

  const readAnew = async () => {
    try {
      const found = await read()
      onSecret?.(found.secret)
      kept = { secret: found.secret, untilMs: nowMs() + found.keptMs }
      return found.secret
    } finally {
      reading = undefined
    }
  }
  return {
    read() {
      if (kept && nowMs() < kept.untilMs) return kept.secret
      reading ??= readAnew()
      return reading
    },
  }
}

async function firstSecret({ subject, scheme, sources, environment }: CredentialOptions): Promise<FoundSecret> {
  const faults: string[] = []
  let printed = ''
  for (const text of sources) {
    const source = readSecretSource(text)
    try {
      if (source.kind === 'invalid') throw new Error(`a source ${source.why}`)
      const secret = (await readSecret(source, environment)).trim()
      const fault = secret === '' ? 'is empty' : credentialFault(scheme, secret)
      if (fault === undefined) return { secret, keptMs: keptMs[source.kind] }
      faults.push(`${placeOf(source)} ${fault}`)
    } catch (error) {
      faults.push(messageOf(error))
      if (error instanceof SecretCommandError) printed = error.printed
    }
  }
  const [variable] = environmentNamesOf(sources.map(readSecretSource))
  const hints = [
    ...(printed === '' ? [] : [`The command printed: ${printed}`]),
    ...(variable === undefined ? [] : [`Set it for this command, e.g.: ${variable}=… bot-bottle …`]),
  ]
  throw missingCredential(subject, faults.join('; '), hints)
}

/** Throws with the reason. */
export async function readSecret(source: SecretSource, environment: CredentialOptions['environment']): Promise<string> {
  switch (source.kind) {
    case 'env': {
      const value = environment[source.name]
      if (value === undefined) throw new Error(`${source.name} is not set`)
      return value
    }
    case 'file':
      return readSecretFile(source.path)
    case 'keyring':
      return readKeyring(source, environment)
    case 'command':
      return runSecretCommand(source.command, { env: environment })
  }
}

/** Never the command: it may hold a secret itself. */
function placeOf(source: SecretSource): string {
  switch (source.kind) {
    case 'env':
      return source.name
    case 'file':
      return source.path
    case 'keyring':
      return 'what the keyring has'
    case 'command':
      return 'what the command printed'
  }
}
