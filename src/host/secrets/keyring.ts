/** A secret of the user's keyring, asked for by `secret-tool` of libsecret, which speaks to whatever serves the Secret Service. */
import type { SecretSource } from '../../core/routing/secret-source.ts'
import { runSecretCommand, SecretCommandError } from './secret-command.ts'

/** Rejects with an error that says what to do. The names have no character that a shell would read (`secret-source.ts`). */
export async function readKeyring(
  { service, account }: Extract<SecretSource, { kind: 'keyring' }>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const attributes = `service ${service}${account === undefined ? '' : ` account ${account}`}`
  // 127: as a shell tells that there is no such program.
  const command = `command -v secret-tool >/dev/null || exit 127; exec secret-tool lookup ${attributes}`
  try {
    return await runSecretCommand(command, { env })
  } catch (cause) {
    if (!(cause instanceof SecretCommandError)) throw cause
    if (cause.message.endsWith(' 127')) {
      throw new Error('secret-tool is not installed, which the keyring is asked by (Debian: libsecret-tools)', {
        cause,
      })
    }
    const store = `secret-tool store --label=bot-bottle ${attributes}`
    throw new SecretCommandError(`the keyring has no entry with ${attributes}; store it with: ${store}`, cause.printed)
  }
}
