import type { AgentDefinition, EffectiveBottle } from './definition.ts'

/** The bottle as it is for an agent: who commits in it is the agent's to say, field by field. */
export function forAgent(bottle: EffectiveBottle, { gitUser }: Pick<AgentDefinition, 'gitUser'>): EffectiveBottle {
  return gitUser ? { ...bottle, git: { ...bottle.git, ...gitUser } } : bottle
}
