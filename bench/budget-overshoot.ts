/**
 * How far 64 exchanges at once go beyond a budget of which 1 % is left, through the real proxy, by gate. Each asks for a
 * third of what is left. Before, the estimator has learned from exchanges of the same kind, so that input sizes are known.
 * `node bench/budget-overshoot.ts`
 */
import { loadavg } from 'node:os'
import { type Gate, gates } from '../src/core/budget/gate.ts'
import { startSimulatedProvider } from '../src/demo/provider/simulated-provider.ts'
import { leadingTo } from '../test/fakes/metered-upstream.ts'
import { ask, metered } from '../test/fakes/proxy-client.ts'
import { openProxyRig } from '../test/fakes/proxy-rig.ts'

const limitTokens = 1_000_000
const leftTokens = limitTokens / 100
const concurrent = 64
const lessons = 32
const outputTokens = Math.ceil(leftTokens / 3)

await using provider = await startSimulatedProvider({ outputTokens, tokensPerDelta: 4, deltaIntervalMs: 2 })

console.log(`${concurrent} exchanges at once, ${leftTokens} of ${limitTokens} tokens left: final / limit`)
for (const gate of gates) {
  for (const stream of [true, false]) {
    const { ratio, refused } = await measure(gate, stream)
    const goal = stream && gate !== 'off' ? '   (goal 1.005)' : ''
    const kind = stream ? 'streams' : 'documents'
    console.log(`  ${gate.padEnd(7)} ${kind.padEnd(10)} ${ratio.toFixed(5)}, ${refused} refused${goal}`)
  }
}
console.log(
  `load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
)

async function measure(gate: Gate, stream: boolean): Promise<{ readonly ratio: number; readonly refused: number }> {
  const options = { gate, budgets: { claude: limitTokens }, onSpent: () => {} }
  await using rig = await openProxyRig({ ...leadingTo(provider), ...options })
  for (let lesson = 0; lesson < lessons; lesson++) await ask(rig, { body: metered({ stream, max_tokens: 8 }) })
  await rig.settled(lessons)
  const counter = await rig.counterOf('claude')
  const spent = { attemptId: 'spent', provider: 'claude', model: null, nowMs: Date.now() }
  const whose = { bottleId: 'rig-1', agent: 'rig', governing: [], chain: [counter.scope] }
  await rig.ledger.reserve({ ...spent, ...whose, holdTokens: 0, holdsRoom: true, inputTokens: 0 })
  const chargeTokens = limitTokens - leftTokens - counter.settledTokens
  await rig.ledger.settle({ ...spent, usage: {}, chargeTokens, source: 'authoritative', ending: 'complete' })
  const body = metered({ stream, max_tokens: outputTokens })
  const answers = await Promise.all(Array.from({ length: concurrent }, () => ask(rig, { body })))
  await rig.settled(rig.started.length)
  const { settledTokens } = await rig.counterOf('claude')
  return { ratio: settledTokens / limitTokens, refused: answers.filter(({ status }) => status !== 200).length }
}
