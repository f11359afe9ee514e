import { expect, test } from 'vitest'
import { emptyBottle } from './built-ins.ts'
import { builtIn } from './definition.ts'
import { forAgent } from './for-agent.ts'

const repositories = new Map()
const bottle = { ...emptyBottle, git: { userName: builtIn('Ada'), userEmail: builtIn('ada@a.test'), repositories } }

test('the git user of an agent wins over that of its bottle, field by field', () => {
  expect(forAgent(bottle, { gitUser: { userName: builtIn('Reviewer') } }).git).toEqual({
    userName: builtIn('Reviewer'),
    userEmail: builtIn('ada@a.test'),
    repositories,
  })
  expect(forAgent(bottle, {})).toBe(bottle)
})
