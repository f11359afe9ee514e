/** Google's Gemini API as Gemini CLI and the Google Gen AI SDKs use it. Paths: ai.google.dev/api. */
import { type Provider, placeholderCredential } from './provider.ts'
import { standardEndpoints } from './standard-endpoints.ts'

export const gemini: Provider = {
  name: 'gemini',
  signIn: 'api_key',
  program: {
    command: ['gemini', '--skip-trust'],
    installHint: 'Install Gemini CLI: npm install --global @google/gemini-cli',
    prompt: { kind: 'home_file', path: '.gemini/GEMINI.md' },
    continueArguments: ['--resume', 'latest'],
  },
  hosts: [{ host: 'generativelanguage.googleapis.com', endpoints: standardEndpoints.gemini }],
  credential: {
    sources: ['env:GEMINI_API_KEY', 'env:GOOGLE_API_KEY'],
    scheme: { kind: 'header', name: 'x-goog-api-key' },
  },
  env: { GEMINI_API_KEY: placeholderCredential },
  containedEnv: {},
  homeFiles: {
    // Spares the start a question for the way to sign in, and reports to a host that no route allows.
    '.gemini/settings.json': `${JSON.stringify({
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
    })}\n`,
  },
}
