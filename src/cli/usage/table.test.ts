import { describe, expect, test } from 'vitest'
import { usageRow } from './rows.fixture.ts'
import { type UsageLine, usageTableLines } from './table.ts'

const days: readonly UsageLine[] = [
  usageRow({ group: '2026-11-20' }),
  usageRow({ group: '2026-11-20', provider: 'codex', chargeTokens: 500_000, estimatedTokens: 250_000 }),
  { group: '2026-11-21' },
  usageRow({ group: '2026-11-22', exchanges: 1, chargeTokens: 12 }),
]
const table = (widthColumns: number, lines = days, by: 'day' | 'bottle' = 'day') =>
  usageTableLines({ by, lines, widthColumns })

describe.each([60, 80, 120, 200])('in a terminal of %i columns', (widthColumns) => {
  test('no line is wider, every time has its line, and every row its bar', () => {
    const [head, ...lines] = table(widthColumns)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(widthColumns)
    expect(head).toMatch(/^DAY \(UTC\) +PROVIDER .*CHARGED/)
    expect(lines[0]).toMatch(/^2026-11-20 +claude .* █{10,60}$/)
    expect(lines[1]).toMatch(/^ +codex .* █+▒+$/)
    expect(lines[2]).toMatch(/^2026-11-21 +·$/)
    expect(lines[3]).toMatch(/^2026-11-22 +claude .* 12 .*▏$/)
  })

  test('bars are as wide as there is room, up to 60 columns', () => {
    const [, first = ''] = table(widthColumns)
    const barColumns = /█+$/.exec(first)?.[0].length ?? 0
    expect(barColumns === 60 || first.length === widthColumns).toBe(true)
  })

  test('long names are cut, figures and bars are not', () => {
    const lines = table(widthColumns, [usageRow({ group: 'an-agent-with-a-very-long-name-3fa2c1' })], 'bottle')
    expect(lines[1]).toMatch(/1\.71M|1\u202f712\u202f851/)
    expect(lines[1]).toMatch(/█{10,}$/)
    expect(lines[1]?.length).toBeLessThanOrEqual(widthColumns)
  })
})

test('classes of tokens stay apart down to 80 columns; the shares that were estimated are drawn below that', () => {
  expect(table(80)[0]).toMatch(/^DAY \(UTC\) +PROVIDER +INPUT +WRITE +READ +OUTPUT +CHARGED/)
  expect(table(60)[0]).toMatch(/^DAY \(UTC\) +PROVIDER +CHARGED +▒ ESTIMATED$/)
})

test('where nobody looks, everything is there in full, without bars', () => {
  expect(table(Number.POSITIVE_INFINITY)).toEqual(
    [
      'DAY (UTC)   PROVIDER  EXCHANGES  INPUT  CACHE WRITE  CACHE READ  OUTPUT    CHARGED  ESTIMATED',
      '2026-11-20  claude           42  9 012       41 337   1 650 000  12 502  1 712 851          0',
      '            codex            42  9 012       41 337   1 650 000  12 502    500 000    250 000',
      '2026-11-21                                                                       ·',
      '2026-11-22  claude            1  9 012       41 337   1 650 000  12 502         12          0',
    ].map((line) => line.replaceAll(/(?<=\d) (?=\d{3})/g, '\u202f')),
  )
})

test('hours are shown as people read them', () => {
  const lines = usageTableLines({ by: 'hour', lines: [{ group: '2026-11-22T08:00Z' }], widthColumns: 100 })
  expect(lines).toEqual([expect.stringMatching(/^HOUR \(UTC\) /), expect.stringMatching(/^2026-11-22 08:00 /)])
})

test('an unknown model and terminal escapes in a name are shown as text (S16)', () => {
  const lines = usageTableLines({
    by: 'model',
    lines: [usageRow({ group: '' }), usageRow({ group: 'x\x1b]0;t\x07' })],
    widthColumns: 100,
  })
  expect(lines[1]).toMatch(/^\(unknown\) /)
  expect(lines[2]).toMatch(/^x\]0;t /)
})
