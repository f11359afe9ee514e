/** For terminals whose locale is not UTF-8: what we draw with in plain ASCII. */

const inAscii: Readonly<Record<string, string>> = {
  '\u202f': ' ',
  '…': '~',
  '–': '-',
  '·': '.',
  '█': '#',
  '▉': '#',
  '▊': '#',
  '▋': '#',
  '▌': '#',
  '▍': '-',
  '▎': '-',
  '▏': '-',
  '▒': '+',
  '░': '.',
  '▁': '_',
  '▂': '.',
  '▃': ':',
  '▄': '-',
  '▅': '=',
  '▆': '+',
  '▇': '*',
  '▸': '>',
  '●': '*',
  '▲': '^',
  '─': '-',
  '←': '<',
  '→': '>',
  '↑': '^',
  '↓': 'v',
  '×': 'x',
}

/** As wide as before. What is not ours (names) stays as it is. */
export function asciiOf(line: string): string {
  return line.replaceAll(/[\u202f…–·▁-▏▒░▸●▲─←→↑↓×]/g, (glyph) => inAscii[glyph] ?? glyph)
}

/** As C programs decide it: the first of these that is set counts. */
export function isUtf8({ LC_ALL, LC_CTYPE, LANG }: Readonly<Record<string, string | undefined>>): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
