/** The bytes from `start` to `end` of a body in chunks; nothing is copied. */
export function bodyPart(
  body: readonly Buffer[],
  start: number,
  end: number = Number.POSITIVE_INFINITY,
): readonly Buffer[] {
  let offset = 0
  return body.flatMap((chunk) => {
    const piece = chunk.subarray(Math.max(0, start - offset), Math.max(0, end - offset))
    offset += chunk.length
    return piece.length === 0 ? [] : [piece]
  })
}
