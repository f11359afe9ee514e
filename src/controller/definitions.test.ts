import { expect, test } from 'vitest'
import { builtInAgents, emptyBottle } from '../core/manifest/built-ins.ts'
import { builtIn } from '../core/manifest/definition.ts'
import { builtInProviders } from '../core/provider/providers.ts'
import { promptParts } from './definitions.ts'

function partsFor(name: string, prompt: string) {
  const agent = builtInAgents.get(name)
  const bottle = { ...emptyBottle, providers: builtInProviders.filter((one) => one.name === name).map(builtIn) }
  return promptParts({ agent: agent && { ...agent, prompt }, bottle })
}

test('a prompt that is longer than a word can be is refused before the start, if it has to be one', () => {
  const fits = 'x'.repeat(128 * 1024 - 256)
  expect(partsFor('claude', fits).args).toEqual(['--append-system-prompt', fits])
  expect(() => partsFor('claude', `${fits}x`)).toThrow(
    expect.objectContaining({
      code: 'usage',
      message: expect.stringContaining('the prompt of "claude" has 130817 bytes'),
    }),
  )
  expect(Object.values(partsFor('codex', `${fits}x`).homeFiles)).toEqual([`${fits}x\n`])
})
