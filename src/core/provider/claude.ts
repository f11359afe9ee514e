/** Anthropic's API as Claude Code and the Anthropic SDKs use it. Paths: docs.anthropic.com/en/api, and measured clients. */
import { type Provider, type ProviderHost, placeholderCredential } from './provider.ts'
import { standardEndpoints } from './standard-endpoints.ts'

const hosts: readonly ProviderHost[] = [
  {
    host: 'api.anthropic.com',
    endpoints: [
      ...standardEndpoints['anthropic-messages'],
      // Claude Code's own: settings, feature flags, telemetry. It works without them, and is quicker with them.
      { method: 'HEAD', path: '/api/hello', kind: 'free' },
      { method: 'GET', path: '/api/claude_code/**', kind: 'free' },
      { method: 'POST', path: '/api/claude_code/**', kind: 'free' },
      { method: 'GET', path: '/api/claude_cli/**', kind: 'free' },
      { method: 'GET', path: '/api/claude_code_penguin_mode', kind: 'free' },
      { method: 'GET', path: '/api/directory/server-urls', kind: 'free' },
      { method: 'POST', path: '/api/eval/**', kind: 'free' },
      { method: 'POST', path: '/api/event_logging/**', kind: 'free' },
      { method: 'GET', path: '/mcp-registry/**', kind: 'free' },
      // Of a subscription: who it is, and what is left of it.
      { method: 'GET', path: '/api/oauth/profile', kind: 'free' },
      { method: 'GET', path: '/api/oauth/usage', kind: 'free' },
      { method: 'GET', path: '/api/oauth/claude_cli/roles', kind: 'free' },
      // Safety (I2): these give tokens and keys, and act for the account.
      { method: '*', path: '/api/oauth/**', kind: 'refused' },
      { method: '*', path: '/v1/oauth/**', kind: 'refused' },
    ],
  },
]

const quiet = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
  // Spares the interactive start a search for plugins at hosts that no route allows.
  CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
}

const homeFiles = {
  // Spares the interactive start its first-run questions; a key is approved by its last 20 characters.
  '.claude.json': `${JSON.stringify({
    hasCompletedOnboarding: true,
    customApiKeyResponses: { approved: [placeholderCredential.slice(-20)], rejected: [] },
  })}\n`,
}

export const claude: Provider = {
  name: 'claude',
  signIn: 'api_key',
  program: {
    command: ['claude'],
    installHint: 'Install Claude Code: npm install --global @anthropic-ai/claude-code',
    prompt: { kind: 'argument', flag: '--append-system-prompt' },
    continueArguments: ['--continue'],
  },
  hosts,
  credential: { sources: ['env:ANTHROPIC_API_KEY'], scheme: { kind: 'header', name: 'x-api-key' } },
  env: { ...quiet, ANTHROPIC_API_KEY: placeholderCredential },
  // The question whether the workspace is trusted is answered by what the bottle lets a program do.
  containedEnv: { CLAUDE_CODE_SANDBOXED: '1' },
  homeFiles,
  otherSignIns: [
    {
      // What `claude setup-token` prints: it holds for a year, for inference alone.
      signIn: 'subscription',
      hosts,
      credential: { sources: ['env:CLAUDE_CODE_OAUTH_TOKEN'], scheme: { kind: 'bearer' } },
      env: { ...quiet, CLAUDE_CODE_OAUTH_TOKEN: placeholderCredential },
      homeFiles,
    },
    {
      // What `claude` on the host signed in with; the bottle finds a copy without its tokens (`claude-login.ts`).
      signIn: 'subscription',
      hosts,
      credential: { sources: [], login: 'claude', scheme: { kind: 'bearer' } },
      env: quiet,
      homeFiles,
    },
  ],
}
