/** OpenAI's API as Codex and the OpenAI SDKs use it. Paths: platform.openai.com/docs/api-reference. */
import { type Provider, placeholderCredential } from './provider.ts'
import { endpointsOf } from './standard-endpoints.ts'

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
  homeFiles: {
    // An own provider entry: plain HTTP instead of a WebSocket (which would be metered, see decision 14), no other host but
    // the API's, an end to refused connects.
    '.codex/config.toml': `model_provider = "bottle"
check_for_update_on_startup = false

[model_providers.bottle]
name = "bottle"
base_url = "https://api.openai.com/v1"
env_key = "CODEX_API_KEY"
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
  },
}
