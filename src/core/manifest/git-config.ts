import type { GitGate } from './definition.ts'

/**
 * The user's git configuration inside a bottle: who commits there. A file in the home, not GIT_AUTHOR_NAME and the like, which
 * would win over what a repository says of its own. Path relative to the home → content.
 */
export function gitConfigFile({
  userName,
  userEmail,
}: Pick<GitGate, 'userName' | 'userEmail'>): Record<string, string> {
  const lines = [
    ...(userName ? [`\tname = ${quoted(userName.value)}`] : []),
    ...(userEmail ? [`\temail = ${quoted(userEmail.value)}`] : []),
  ]
  return lines.length === 0 ? {} : { '.gitconfig': `[user]\n${lines.join('\n')}\n` }
}

/** Within quotes only these two are anything else than themselves (git-config, "Syntax"). */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
