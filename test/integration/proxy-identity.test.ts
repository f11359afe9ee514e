import { expect, it } from 'vitest'
import { answerSmall, leadingTo, smallUsage, startProviderUpstream } from '../fakes/metered-upstream.ts'
import { ask, metered } from '../fakes/proxy-client.ts'
import { openProxyRig } from '../fakes/proxy-rig.ts'

it('charges the bottle whose listener the bytes came in on, whatever they say of who they are (I7)', async () => {
  await using upstream = await startProviderUpstream(answerSmall)
  await using one = await openProxyRig({
    ...leadingTo(upstream),
    bottleId: 'one-1',
    credentials: { claude: 'key-one' },
  })
  await using other = await openProxyRig({
    ...leadingTo(upstream),
    bottleId: 'other-1',
    credentials: { claude: 'key-other' },
  })
  const { status } = await ask(one, {
    path: '/v1/messages?bottle=other-1&key=key-other',
    headers: [
      'x-bottle',
      'other-1',
      'x-forwarded-for',
      'other-1',
      'authorization',
      'Bearer key-other',
      'x-api-key',
      'key-other',
    ],
    body: metered({ stream: false, metadata: { user_id: 'other-1' }, bottle: 'other-1' }),
  })
  await one.settled(1)
  expect(status).toBe(200)
  expect(await one.ledger.events({ limit: 10 })).toMatchObject([
    { bottleId: 'one-1', chargeTokens: smallUsage.input_tokens + smallUsage.output_tokens },
  ])
  expect(await other.ledger.events({ limit: 10 })).toEqual([])
  expect(JSON.stringify(upstream.seen)).not.toContain('key-other')
})
