/** What `init` writes. Everything but the names is commented out or harmless: nothing costs or opens more than before. */
import { agentSchema, bottleSchema, settingsSchema } from '../core/manifest/schemas.ts'

/** Path in the home → content. */
export const starterFiles: Readonly<Record<string, string>> = {
  'settings.yml': `# yaml-language-server: $schema=schemas/settings.schema.json
# Settings of this host. Check them with: bot-bottle settings check

# Tokens that all bottles together may use, by provider. 0 denies all; leave a provider out for no limit.
#budget:
#  claude: 5000000
#  codex: 2000000

# The period that a budget is for: total, run, day, week or month (UTC).
#period: month

# What happens when a budget is spent: cutoff (the program runs on, offline) or kill.
shutdown: cutoff
`,
  'bottles/starter.md': `---
# yaml-language-server: $schema=../schemas/bottle.schema.json
# What a program in this bottle may do. See it merged with: bot-bottle show starter

# Everything that the built-in bottle "claude" has: the provider's hosts, metered, with your key added by the proxy.
extends: claude

env:
  CI: "1"
  # A value that begins with ? is asked for at the start.
  #ISSUE: "?Which issue is it?"

egress:
  routes:
    # May read public pages of this host, and nothing else there.
    - host: docs.python.org
      methods: [GET]
    # With a credential of yours that the bottle never sees:
    #- host: api.github.com
    #  methods: [GET]
    #  paths: ["/repos/**"]
    #  auth: {scheme: bearer, secret: "env:GITHUB_TOKEN"}

budget:
  claude: 500000
---
Whatever stands here is for people.
`,
  'agents/starter.md': `---
# yaml-language-server: $schema=../schemas/agent.schema.json
# Start it with: bot-bottle start starter
bottle: starter
budget:
  claude: 200000
---
You review the changes of this repository. Read the diff against the main branch, look for bugs first and for style last,
and answer with a list of findings, each with file and line.
`,
}

/** For editors: path in the home → content. */
export function schemaFiles(): Readonly<Record<string, string>> {
  const schemas = { settings: settingsSchema, bottle: bottleSchema, agent: agentSchema }
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      `schemas/${name}.schema.json`,
      `${JSON.stringify(schema, undefined, 2)}\n`,
    ]),
  )
}
