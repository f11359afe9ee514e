/** Which credential of a provider a start from here would use. What a controller has to ask for (a renewal) is not asked. */
import { messageOf } from '../core/errors.ts'
import type { Provider, ProviderCredential } from '../core/provider/provider.ts'
import { environmentNamesOf, readSecretSource } from '../core/routing/secret-source.ts'
import { readLogin } from '../host/secrets/logins.ts'
import type { Finding } from '../sandbox/sandbox.ts'
import { loginInWords } from './login-words.ts'

type Environment = Readonly<Record<string, string | undefined>>

export async function examineCredential(
  { name, credential, otherSignIns = [] }: Provider,
  { environment, nowMs }: { readonly environment: Environment; readonly nowMs: number },
): Promise<Finding> {
  const looks: Look[] = []
  for (const way of [credential, ...otherSignIns.map((signIn) => signIn.credential)]) {
    looks.push(await look(way, environment, nowMs))
  }
  const found = looks.find(({ isThere }) => isThere)?.words ?? looks.map(({ words }) => words).join('; ')
  return { subject: `credential of ${name}`, ok: true, found }
}

interface Look {
  readonly isThere: boolean
  readonly words: string
}

async function look({ sources, login }: ProviderCredential, environment: Environment, nowMs: number): Promise<Look> {
  if (login !== undefined) {
    return readLogin(login, environment).then(
      (found) => ({ isThere: true, words: loginInWords(found, nowMs) }),
      (error: unknown) => ({ isThere: false, words: messageOf(error) }),
    )
  }
  const variables = environmentNamesOf(sources.map(readSecretSource))
  const set = variables.find((variable) => environment[variable])
  return set === undefined
    ? { isThere: false, words: `${variables.join(' or ')} is not set` }
    : { isThere: true, words: `${set} is set` }
}
