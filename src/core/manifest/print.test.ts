import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agentDefinition, bottleFile, settingsFile, withoutPlaces } from '../../../test/fakes/definitions.ts'
import { problemInWords } from './definition.ts'
import { parseAgentFile } from './parse-agent.ts'
import { parseBottleFile } from './parse-bottle.ts'
import { printAgent, printBottle, printSettings } from './print.ts'
import { parseSettings } from './settings.ts'

test('a bottle that is printed reads as it was', () => {
  fc.assert(
    fc.property(bottleFile, (bottle) => {
      const parsed = parseBottleFile(printBottle(bottle), { name: bottle.name, file: 'a.md' })
      if (parsed.kind === 'invalid') expect.fail(parsed.problems.map(problemInWords).join('\n'))
      expect(withoutPlaces(parsed.bottle)).toEqual(withoutPlaces(bottle))
    }),
  )
})

test('an agent that is printed reads as it was', () => {
  fc.assert(
    fc.property(agentDefinition, (agent) => {
      const parsed = parseAgentFile(printAgent(agent), { name: agent.name, file: 'a.md' })
      if (parsed.kind === 'invalid') expect.fail(parsed.problems.map(problemInWords).join('\n'))
      expect(withoutPlaces(parsed.agent)).toEqual(withoutPlaces(agent))
    }),
  )
})

test('settings that are printed read as they were', () => {
  fc.assert(
    fc.property(settingsFile, (settings) => {
      const parsed = parseSettings(printSettings(settings), { file: 'settings.yml', providers: ['claude', 'codex'] })
      if (parsed.kind === 'invalid') expect.fail(parsed.problems.map(problemInWords).join('\n'))
      expect(withoutPlaces(parsed.settings)).toEqual(withoutPlaces(settings))
    }),
  )
})
