/** OpenAI's API as Codex and the OpenAI SDKs use it. Paths: platform.openai.com/docs/api-reference. */
import { type Endpoint, type Provider, placeholderCredential } from './provider.ts'
import { endpointsOf } from './standard-endpoints.ts'

const chatgptEndpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/backend-api/codex/responses', kind: 'metered', format: 'openai-responses' },
  {
    method: 'GET',
    path: '/backend-api/codex/responses',
    kind: 'metered',
    format: 'openai-responses',
    transport: 'websocket',
  },
  { method: 'POST', path: '/backend-api/codex/responses/compact', kind: 'metered', format: 'openai-responses' },
  { method: 'GET', path: '/backend-api/codex/models', kind: 'free' },
  // Which account it is, and what is left of its limits.
  { method: 'GET', path: '/backend-api/wham/accounts/check', kind: 'free' },
  { method: 'GET', path: '/backend-api/wham/settings/user', kind: 'free' },
  { method: 'GET', path: '/backend-api/wham/usage', kind: 'free' },
]

/**
 * A provider entry of our own: plain HTTP instead of a WebSocket (which would be metered, see decision 14), no other host but
 * its own, an end to refused connects.
 */
function configWith(access: string): Readonly<Record<string, string>> {
  return {
    '.codex/config.toml': `model_provider = "bottle"
check_for_update_on_startup = false

[model_providers.bottle]
name = "bottle"
${access}
wire_api = "responses"
supports_websockets = false

[features]
unbounded_connection_retries = false
plugins = false
apps = false

[analytics]
enabled = false

[otel]
metrics_exporter = "none"
`,
  }
}

export const codex: Provider = {
  name: 'codex',
  signIn: 'api_key',
  program: {
    command: ['codex'],
    installHint: 'Install Codex: npm install --global @openai/codex',
    prompt: { kind: 'home_file', path: '.codex/AGENTS.md' },
    continueArguments: ['resume', '--last'],
  },
  hosts: [{ host: 'api.openai.com', endpoints: endpointsOf('openai-responses', 'openai-chat', 'openai-embeddings') }],
  credential: { sources: ['env:CODEX_API_KEY', 'env:OPENAI_API_KEY'], scheme: { kind: 'bearer' } },
  env: { CODEX_API_KEY: placeholderCredential, OPENAI_API_KEY: placeholderCredential },
  containedEnv: {},
  homeFiles: configWith('base_url = "https://api.openai.com/v1"\nenv_key = "CODEX_API_KEY"'),
  otherSignIns: [
    {
      // What `codex login` on the host signed in with; the bottle finds a copy without its tokens (`codex-login.ts`).
      signIn: 'subscription',
      hosts: [{ host: 'chatgpt.com', endpoints: chatgptEndpoints }],
      credential: { sources: [], login: 'codex', scheme: { kind: 'chatgpt' } },
      env: {},
      homeFiles: configWith('base_url = "https://chatgpt.com/backend-api/codex"\nrequires_openai_auth = true'),
    },
  ],
}
