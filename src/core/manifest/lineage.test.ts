import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BottleFile, builtIn, builtInOrigin } from './definition.ts'
import { type Lineage, lineageOf } from './lineage.ts'
import { neededDefinitions } from './resolve-bottle.ts'

type Graph = Readonly<Record<string, readonly string[]>>

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const anyGraph: fc.Arbitrary<Graph> = fc
  .tuple(...names.map(() => fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 })))
  .map((parents) => Object.fromEntries(names.map((name, index) => [name, parents[index] ?? []])))
/** Parents come later in the alphabet, so there is no cycle. */
const acyclic = anyGraph.map((graph) =>
  Object.fromEntries(Object.entries(graph).map(([name, parents]) => [name, parents.filter((parent) => parent > name)])),
)

function filesOf(graph: Graph): ReadonlyMap<string, BottleFile> {
  return new Map(
    Object.entries(graph).map(([name, parents]) => [
      name,
      {
        name,
        origin: builtInOrigin,
        extends: parents.map(builtIn),
        env: new Map(),
        git: {},
        egress: { routes: [] },
        limits: {},
        budgets: [],
      },
    ]),
  )
}

function lineage(graph: Graph, asked: readonly string[]): Lineage {
  const files = filesOf(graph)
  return lineageOf({ names: asked, namedAt: builtInOrigin, find: (name) => files.get(name), known: [...files.keys()] })
}

/** Nearest first. */
function orderOf(graph: Graph, asked: readonly string[]): readonly string[] {
  const found = lineage(graph, asked)
  if (found.kind === 'invalid') throw new Error(found.problems.map(({ message }) => message).join('\n'))
  return found.farthestFirst.map(({ name }) => name).reverse()
}

function reachable(graph: Graph, asked: readonly string[]): ReadonlySet<string> {
  const seen = new Set(asked)
  for (const name of seen) for (const parent of graph[name] ?? []) seen.add(parent)
  return seen
}

const asked = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })

test('every definition of the chain is in it once, children before their parents (L18)', () => {
  fc.assert(
    fc.property(acyclic, asked, (graph, start) => {
      const order = orderOf(graph, start)
      expect(new Set(order)).toEqual(reachable(graph, start))
      expect(order.length).toBe(new Set(order).size)
      for (const name of order) {
        for (const parent of graph[name] ?? []) expect(order.indexOf(parent)).toBeGreaterThan(order.indexOf(name))
      }
    }),
  )
})

test('of two parents the later is nearer, unless another parent builds on it (L18)', () => {
  fc.assert(
    fc.property(acyclic, (graph) => {
      const order = orderOf(graph, ['a'])
      const parents = graph.a ?? []
      for (const [index, later] of parents.entries()) {
        const others = parents.filter((parent) => parent !== later)
        if (reachable(graph, others).has(later)) continue
        for (const earlier of parents.slice(0, index)) {
          expect(order.indexOf(later)).toBeLessThan(order.indexOf(earlier))
        }
      }
    }),
  )
})

test('no graph makes it loop: it ends with an order or with the cycle in words (L18)', () => {
  fc.assert(
    fc.property(anyGraph, asked, (graph, start) => {
      const found = lineage(graph, start)
      if (found.kind === 'lineage') {
        expect(new Set(found.farthestFirst.map(({ name }) => name))).toEqual(reachable(graph, start))
        return
      }
      expect(found.problems.length).toBeGreaterThan(0)
      for (const { message } of found.problems) {
        const cycle = /^extends: (.+) comes back/.exec(message)?.[1]?.split(' → ') ?? []
        expect(cycle.length).toBeGreaterThan(1)
        expect(cycle.at(-1)).toBe(cycle[0])
        for (const [index, name] of cycle.slice(0, -1).entries()) expect(graph[name]).toContain(cycle[index + 1])
      }
    }),
  )
})

test('a chain of more than 200 definitions is refused', () => {
  const long = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`n${index}`, [`n${index + 1}`]]))
  const found = lineage(long, ['n0'])
  expect(found).toMatchObject({
    kind: 'invalid',
    problems: [{ message: 'extends: a bottle is made of more than 200 definitions here' }],
  })
})

test('a loader that reads what is needed reads the chain and nothing else, also where it has a cycle (L18)', () => {
  fc.assert(
    fc.property(anyGraph, asked, (graph, start) => {
      const all = filesOf(graph)
      const read = new Map<string, BottleFile>()
      for (let needed = neededDefinitions(start, read); needed.length > 0; needed = neededDefinitions(start, read)) {
        for (const name of needed) read.set(name, all.get(name) ?? expect.fail(`no ${name}`))
      }
      expect(new Set(read.keys())).toEqual(reachable(graph, start))
    }),
  )
})
