/** Sizes as files and people write them: `512MiB`, `2GiB`. Binary units only, since `GB` is read in two ways. */
const units = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const
type Unit = keyof typeof units

export const byteSizePattern = '[1-9][0-9]{0,5}(?:KiB|MiB|GiB|TiB)'

export function parseByteSize(text: string): number | undefined {
  const found = new RegExp(`^${byteSizePattern}$`).test(text) ? /^(\d+)(\w+)$/.exec(text) : null
  return found ? Number(found[1]) * units[found[2] as Unit] : undefined
}

/** Exact where it is a whole number of a unit, else to a tenth. */
export function byteSizeInWords(bytes: number): string {
  const names = Object.keys(units).toReversed() as Unit[]
  const whole = names.find((name) => bytes >= units[name] && bytes % units[name] === 0)
  if (whole) return `${bytes / units[whole]}${whole}`
  const nearest = names.find((name) => bytes >= units[name])
  return nearest ? `${(bytes / units[nearest]).toFixed(1)}${nearest}` : `${bytes} bytes`
}
