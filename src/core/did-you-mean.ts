/** The candidate that a misspelt word most likely meant, or `undefined` when none is near enough to be worth saying. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase()
  if (wanted.length > maxWordLength) return undefined
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance <= Math.ceil(candidate.length / 3) && (best === undefined || distance < best.distance)) {
      best = { candidate, distance }
    }
  }
  return best?.candidate
}

/**
 * The same for ids that end in random letters: one that begins so, if it is the only one, or one with a single slip. Two ids may be as
 * alike as two spellings of a word, and to act on the wrong bottle is worse than no guess.
 */
export function didYouMeanId(word: string, ids: readonly string[]): string | undefined {
  const wanted = word.toLowerCase()
  if (wanted === '' || wanted.length > maxWordLength) return undefined
  const begun = ids.filter((id) => id.startsWith(wanted))
  const near = begun.length > 0 ? begun : ids.filter((id) => editDistance(wanted, id) === 1)
  return near.length === 1 ? near[0] : undefined
}

/** Longer words are no typing errors; the comparison costs the product of both lengths. */
const maxWordLength = 64

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let beforePrevious: readonly number[] = []
  let previous: readonly number[] = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const differs = left[row - 1] === right[column - 1] ? 0 : 1
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + differs,
        swapped ? (beforePrevious[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length] ?? 0
}
