const units = ['', 'k', 'M', 'G', 'T', 'P']

/** In five columns at most: `999`, `1.23k`, `45.6M`. Three figures, rounded down, so that it never says more than there is. */
export function compactNumber(count: number): string {
  const thousands = Math.min(Math.floor((String(count).length - 1) / 3), units.length - 1)
  if (thousands === 0) return String(count)
  const scaled = count / 1_000 ** thousands
  const decimals = Math.max(0, 3 - String(Math.floor(scaled)).length)
  return `${(Math.floor(scaled * 10 ** decimals) / 10 ** decimals).toFixed(decimals)}${units[thousands]}`
}
