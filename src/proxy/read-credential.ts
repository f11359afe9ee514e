import type { CredentialOwner } from './egress.ts'
import type { Authorization } from './heads.ts'
import type { ExchangeContext } from './ready-request.ts'

/** The real credential of a provider or a route; `undefined` once the bottle is cut, which may be while a command is asked. */
export async function readCredential(
  { egress, exchange: { signal } }: ExchangeContext,
  owner: CredentialOwner,
): Promise<Authorization | undefined> {
  const { scheme } = owner.kind === 'provider' ? owner.provider.credential : owner.auth
  const read = egress.credentialOf(owner)
  const secret = typeof read === 'string' ? read : await unlessAborted(read, signal)
  return secret === undefined ? undefined : { scheme, secret }
}

async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  const aborted = Promise.withResolvers<undefined>()
  const onAbort = () => aborted.resolve(undefined)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
