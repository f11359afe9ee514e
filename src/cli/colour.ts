/** Whether what is printed is coloured: FORCE_COLOR and NO_COLOR as Node itself takes them, else where somebody looks. */
export function isColoured(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  if (env.NO_COLOR) return false
  return isTerminal && env.TERM !== 'dumb'
}

const codes = { bold: '1', red: '31', green: '32', cyan: '36' } as const

export function coloured(text: string, colour: keyof typeof codes): string {
  return `\x1b[${codes[colour]}m${text}\x1b[0m`
}
