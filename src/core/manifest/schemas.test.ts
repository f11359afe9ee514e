import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agentDefinition, bottleFile, settingsFile } from '../../../test/fakes/definitions.ts'
import { agentNotation } from './parse-agent.ts'
import { bottleNotation } from './parse-bottle.ts'
import { readDocument } from './read-document.ts'
import { agentSchema, bottleSchema, settingsSchema } from './schemas.ts'
import { settingsNotation } from './settings.ts'

/** Zod as a validator that is not ours. */
function validatorOf(schema: unknown) {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
}

test('docs/schemas and docs/keys.md are what the notations say', async () => {
  const script = fileURLToPath(new URL('../../../scripts/manifest-reference.mjs', import.meta.url))
  await promisify(execFile)(process.execPath, [script, '--check'])
})

test('a schema accepts whatever can be printed', () => {
  const [bottle, agent, settings] = [bottleSchema, agentSchema, settingsSchema].map(validatorOf)
  fc.assert(
    fc.property(bottleFile, agentDefinition, settingsFile, (one, two, three) => {
      expect(bottle?.safeParse(bottleNotation.print(one)).error).toBeUndefined()
      expect(agent?.safeParse(agentNotation.print(two)).error).toBeUndefined()
      expect(settings?.safeParse(settingsNotation(['claude', 'codex']).print(three)).error).toBeUndefined()
    }),
  )
})

const kindOf = {
  bottle: (yaml: string) => readDocument(yaml, 'file', bottleNotation).kind,
  agent: (yaml: string) => readDocument(yaml, 'file', agentNotation).kind,
  settings: (yaml: string) => readDocument(yaml, 'file', settingsNotation(['claude'])).kind,
}

test.each([
  ['bottle', bottleSchema, ['env', 'egress', 'git-gate', 'budget']],
  ['agent', agentSchema, ['git-gate', 'budget']],
  ['settings', settingsSchema, ['budget', 'upstreams', 'thresholds']],
] as const)(
  'a schema accepts sections of %s files that are left empty, as the reader does',
  (file, schema, sections) => {
    for (const section of sections) {
      expect(kindOf[file](`${section}:\n  # later`)).toBe('read')
      expect(validatorOf(schema).safeParse({ [section]: null }).error).toBeUndefined()
    }
  },
)

describe('a schema refuses', () => {
  test.each([
    ['an unknown key', { egres: {} }],
    ['a name with capitals', { extends: 'Web' }],
    ['a number in env', { env: { PORT: 8080 } }],
    ['a variable that is no name', { env: { 'A-B': 'x' } }],
    ['a route without a host', { egress: { routes: [{ methods: ['GET'] }] } }],
    [
      'a written out credential',
      { egress: { routes: [{ host: 'a.test', auth: { scheme: 'bearer', secret: 'abc' } }] } },
    ],
    ['a negative budget', { budget: { claude: -1 } }],
    ['a period that is none', { budget: { claude: { limit: 1, period: 'year' } } }],
    ['a policy that is none', { shutdown: 'pause' }],
    ['a provider that is none', { agent_provider: 'cluade' }],
  ])('%s', (_, value) => {
    expect(validatorOf(bottleSchema).safeParse(value).success).toBe(false)
  })
})
