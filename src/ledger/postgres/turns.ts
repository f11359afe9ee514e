/** Lets works of one name run one after the other. */
export type TakeTurn = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>

export function createTurns(): TakeTurn {
  const last = new Map<string, Promise<unknown>>()
  return (name, work) => {
    const turn = (last.get(name) ?? Promise.resolve()).then(work)
    const ended = turn
      .catch(() => {})
      .then(() => {
        if (last.get(name) === ended) last.delete(name)
      })
    last.set(name, ended)
    return turn
  }
}
