/** A captured screen (text with SGR sequences, as `tmux capture-pane -e -p` writes it) as an SVG that needs no font of its own. */

const cellWidth = 8.4
const lineHeight = 18
const padding = 14
const barHeight = 30

const colours = {
  background: '#0d1117',
  foreground: '#d0d7de',
  frame: '#30363d',
  named: [
    ...['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'],
    ...['#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#ffffff'],
  ],
}

const plain = { foreground: undefined, background: undefined, bold: false, dim: false, inverse: false }

export function terminalSvg(screen, { columns, title }) {
  const lines = screen.replace(/\n+$/, '').split('\n').map(runsOf)
  const width = Math.ceil(columns * cellWidth + 2 * padding)
  const height = barHeight + lines.length * lineHeight + 2 * padding
  const drawn = lines.flatMap((runs, row) => drawLine(runs, barHeight + padding + row * lineHeight))
  const buttons = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, index) => `<circle cx="${18 + index * 18}" cy="${barHeight / 2}" r="5.5" fill="${fill}"/>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">
<title>${escaped(title)}</title>
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${colours.foreground};white-space:pre}</style>
<rect width="${width}" height="${height}" rx="8" fill="${colours.background}" stroke="${colours.frame}"/>
${buttons.join('')}
<text x="${width / 2}" y="${barHeight / 2 + 5}" text-anchor="middle" opacity=".6">${escaped(title)}</text>
${drawn.join('\n')}
</svg>
`
}

/** Pieces of one look, each with the column that it begins in. */
function runsOf(line) {
  const runs = []
  let look = plain
  let column = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is looked for
  for (const [, codes, text] of line.matchAll(/\x1b\[([\d;:]*)m|((?:(?!\x1b\[)[\s\S])+)/g)) {
    if (codes !== undefined) look = changed(look, codes === '' ? [0] : codes.split(/[;:]/).map(Number))
    else {
      runs.push({ column, text, look })
      column += [...text].length
    }
  }
  return runs
}

function changed(before, codes) {
  let look = before
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index]
    if (code === 0) look = plain
    else if (code === 1) look = { ...look, bold: true }
    else if (code === 2) look = { ...look, dim: true }
    else if (code === 22) look = { ...look, bold: false, dim: false }
    else if (code === 7 || code === 27) look = { ...look, inverse: code === 7 }
    else if (code === 39) look = { ...look, foreground: undefined }
    else if (code === 49) look = { ...look, background: undefined }
    else if (code >= 30 && code <= 37) look = { ...look, foreground: colours.named[code - 30] }
    else if (code >= 90 && code <= 97) look = { ...look, foreground: colours.named[code - 82] }
    else if (code >= 40 && code <= 47) look = { ...look, background: colours.named[code - 40] }
    else if (code >= 100 && code <= 107) look = { ...look, background: colours.named[code - 92] }
    else if (code === 38 || code === 48) {
      const isIndexed = codes[index + 1] === 5
      const colour = isIndexed ? indexed(codes[index + 2]) : `rgb(${codes.slice(index + 2, index + 5).join()})`
      look = { ...look, [code === 38 ? 'foreground' : 'background']: colour }
      index += isIndexed ? 2 : 4
    }
  }
  return look
}

/** The 256 colours of xterm. */
function indexed(number) {
  if (number < 16) return colours.named[number]
  if (number >= 232)
    return `rgb(${Array(3)
      .fill(8 + (number - 232) * 10)
      .join()})`
  const steps = [0, 95, 135, 175, 215, 255]
  const cube = number - 16
  return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => steps[step]).join()})`
}

function drawLine(runs, top) {
  return runs.flatMap(({ column, text, look }) => {
    const [front, back] = look.inverse
      ? [look.background ?? colours.background, look.foreground ?? colours.foreground]
      : [look.foreground, look.background]
    const x = (padding + column * cellWidth).toFixed(1)
    const width = ([...text].length * cellWidth).toFixed(1)
    const box =
      back === undefined ? [] : [`<rect x="${x}" y="${top}" width="${width}" height="${lineHeight}" fill="${back}"/>`]
    if (text.trim() === '') return box
    const attributes = [
      // Whatever font there is, columns stand below each other.
      `x="${x}" y="${top + 13}" textLength="${width}" lengthAdjust="spacingAndGlyphs"`,
      ...(front === undefined ? [] : [`style="fill:${front}"`]),
      ...(look.bold ? ['font-weight="bold"'] : []),
      ...(look.dim ? ['opacity=".6"'] : []),
    ]
    return [...box, `<text ${attributes.join(' ')}>${escaped(text)}</text>`]
  })
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
