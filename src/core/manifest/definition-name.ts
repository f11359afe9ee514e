/**
 * Names of agents and bottles. They become names of files, ids of bottles, host names inside them and keys of the ledger,
 * so only what means the same in all of these is let in: no capitals (some file systems fold them), no dots, no colons.
 */
const maxNameLength = 48
export const definitionNamePattern = `^[a-z0-9][a-z0-9_-]{0,${maxNameLength - 1}}$`
const namePattern = new RegExp(definitionNamePattern)

export function isDefinitionName(text: string): boolean {
  return namePattern.test(text)
}

/** Why a text is no name and what would work, as the end of a sentence that begins with it. */
export function definitionNameFault(text: string): string | undefined {
  if (isDefinitionName(text)) return undefined
  if (text.length > maxNameLength) return `is no name: a name has at most ${maxNameLength} characters`
  const rule = 'is no name: a name has lower-case letters, digits, - and _, and begins with a letter or a digit'
  const meant = text
    .toLowerCase()
    .replace(/\.md$/, '')
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^[-_]+|[-_]+$/g, '')
  return isDefinitionName(meant) ? `${rule}; write ${meant}` : rule
}
