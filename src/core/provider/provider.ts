/**
 * A provider: who bills tokens, at which hosts, which of its endpoints are metered, and how it wants the credential.
 * **Invariant** (I3) An endpoint that is not listed is refused.
 */
import type { WireFormatName } from '../metering/format.ts'
import type { LoginName } from './login.ts'

interface EndpointLine {
  /** Upper case; `*` for any. */
  readonly method: string
  /** Pattern as in `path-pattern.ts`. */
  readonly path: string
}

/** A metered endpoint names the wire format that it speaks: one host may speak several. */
export type Endpoint =
  | (EndpointLine & {
      readonly kind: 'metered'
      readonly format: WireFormatName
      /** Reached by an upgrade to WebSocket, each of whose requests is metered; otherwise by plain HTTP. */
      readonly transport?: 'websocket'
    })
  | (EndpointLine & { readonly kind: 'free' })
  /** Also where unlisted ones pass: what it answers is not for a bottle. */
  | (EndpointLine & { readonly kind: 'refused' })

export type PassingEndpoint = Exclude<Endpoint, { readonly kind: 'refused' }>

export interface ProviderHost {
  readonly host: string
  /** The first that matches counts. At least one is metered. */
  readonly endpoints: readonly Endpoint[]
}

/** How the proxy presents the real credential upstream. */
export type CredentialScheme =
  | WritableScheme
  /** A bearer, and beside it the account that it is used for. The secret is `ACCOUNT:TOKEN`. */
  | { readonly kind: 'chatgpt' }

/** What a definition can say. */
export type WritableScheme = { readonly kind: 'bearer' } | { readonly kind: 'header'; readonly name: string }

export type SignInKind = 'api_key' | 'subscription'

/** One way of being signed in at a provider: where that is reached, what it is shown, and what clients in the bottle find instead. */
export type SignIn = Pick<Provider, 'signIn' | 'hosts' | 'credential' | 'env' | 'homeFiles'>

export interface ProviderCredential {
  /** Where the host keeps it, as in `secret-source.ts`; the first that has a value counts. */
  readonly sources: readonly string[]
  /** In their place: the sign-in that the program itself keeps in the user's home, which is renewed there. */
  readonly login?: LoginName
  readonly scheme: CredentialScheme
}

/** How an agent's program is given its prompt. */
export type PromptDelivery =
  | { readonly kind: 'argument'; readonly flag: string }
  /** Path relative to the bottle's home. */
  | { readonly kind: 'home_file'; readonly path: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'none' }

/** The program that works with a provider. */
export interface AgentProgram {
  /** To be found on the user's PATH, and fixed arguments. */
  readonly command: readonly [string, ...string[]]
  /** How to install the program, as a sentence. */
  readonly installHint: string
  readonly prompt: PromptDelivery
  /** Makes it go on with its last conversation. */
  readonly continueArguments: readonly string[]
}

export interface Provider {
  readonly name: string
  /** What the credential is for; absent of an own one. */
  readonly signIn?: SignInKind
  readonly program?: AgentProgram
  readonly hosts: readonly ProviderHost[]
  readonly credential: ProviderCredential
  /** Environment inside the bottle, placeholders in place of credentials. */
  readonly env: Readonly<Record<string, string>>
  /** More of it where the bottle is contained: what would be a false promise elsewhere. */
  readonly containedEnv: Readonly<Record<string, string>>
  /** Files that its clients want in their home: path relative to home → content. */
  readonly homeFiles: Readonly<Record<string, string>>
  /** Where the host has no such credential: what is looked for instead, in this order. */
  readonly otherSignIns?: readonly SignIn[]
}

/** What clients inside a bottle see in place of a credential. Worth nothing anywhere. */
export const placeholderCredential = 'bot-bottle-placeholder-the-proxy-adds-the-real-key'
