/** JSON Schemas (draft 2020-12) of the four kinds of files, for editors. Made of the notations that read the files. */
import { builtInProviders } from '../provider/providers.ts'
import type { JsonSchema } from './notation.ts'
import { agentNotation } from './parse-agent.ts'
import { bottleNotation } from './parse-bottle.ts'
import { pricesNotation } from './prices.ts'
import { settingsNotation } from './settings.ts'

export const settingsSchema = document(
  'bot-bottle settings.yml',
  'What holds for the whole host.',
  settingsNotation(builtInProviders.map(({ name }) => name)).schema,
)

export const bottleSchema = document(
  'bot-bottle bottles/NAME.md',
  'The frontmatter of a bottle: what a sandbox may do.',
  bottleNotation.schema,
)

export const agentSchema = document(
  'bot-bottle agents/NAME.md',
  'The frontmatter of an agent; what stands below it is its prompt.',
  agentNotation.schema,
)

export const pricesSchema = document(
  'bot-bottle prices.yml',
  'What a million tokens cost, for usage --cost.',
  pricesNotation.schema,
)

function document(title: string, description: string, schema: JsonSchema): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title, description, ...schema }
}
