/** What a program says to its terminal beside text (ECMA-48 §5): where such a sequence begins and ends. */
const esc = '\u001b'
const bell = '\u0007'
/** `ESC [ … final` */
const controlSequence = `${esc}\\[[0-?]*[ -/]*[@-~]`
/** `ESC ] … BEL`, `ESC P … ESC \`: titles, the clipboard, colours. */
const controlString = `${esc}[\\]PX^_][^${bell}${esc}]*(?:${bell}|${esc}\\\\)`
const shortSequence = `${esc}[ -/]*[0-OQ-WYZ\\\\\`-~]`

/** Matches each whole one. */
export const sequences = new RegExp(`${controlSequence}|${controlString}|${shortSequence}`, 'g')
/** Matches the beginning of one at the end of a text. */
export const begunSequence = new RegExp(`${esc}(?:\\[[0-?]*[ -/]*|[\\]PX^_][^${bell}${esc}]*${esc}?|[ -/]*)$`)
/** One that is longer is none. */
export const maxSequenceCharacters = 4096
