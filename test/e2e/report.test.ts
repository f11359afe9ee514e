/** `bot-bottle report`: the page as a browser shows it, of what a real controller says. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UsageReport } from '../../src/controller/api.ts'
import { reserveRequest, settleRequest } from '../../src/ledger/ledger.contract.ts'
import { type Chromium, findChromium, openChromium } from '../fakes/chromium.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'

const chromiumPath = findChromium()
const hostile = '</title><script>document.title="owned"</script><img src="http://127.0.0.1:9/x">'

/** Of an element, in the page. */
const boxes = (selector: string) =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.getBoundingClientRect().toJSON())`

interface Box {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
}

// Without Chromium there is nothing to look at; in CI it is there, and what is skipped counts as a failure.
describe.skipIf(chromiumPath === undefined)('the page of bot-bottle report', () => {
  let host: ProductHost
  let chromium: Chromium
  let path = ''
  let url = ''

  beforeAll(async () => {
    host = await openProductHost({
      provider: ['--output-tokens', '3000'],
      settings: 'budget: {claude: {limit: 900000, period: month}}\n',
    })
    // Before the controller starts: days ago, of a model whose name is an attack.
    await host.inLedger(async (ledger) => {
      for (const daysAgo of [1, 12, 50]) {
        const [attemptId, nowMs] = [`days-${daysAgo}`, Date.now() - daysAgo * 86_400_000]
        await ledger.reserve(reserveRequest(attemptId, { model: hostile, holdTokens: 0, nowMs, governing: [] }))
        await ledger.settle(settleRequest(attemptId, { model: hostile, chargeTokens: daysAgo, nowMs }))
      }
    })
    const script = `${modelCallInShell({ documentTokens: 20 })}; curl -s https://refused.example/x; ${modelCallInShell()}`
    const options = ['--bottle', 'claude', '--workspace', 'none', '--budget', '1000']
    await host.run(['run', ...options, '--', 'sh', '-c', script])
    path = join(host.directory, 'report.html')
    url = pathToFileURL(path).href
    const { exitCode, stderr } = await host.run(['report', '--html', path])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: `bot-bottle: wrote ${path}\n` })
    chromium = await openChromium(chromiumPath ?? '')
  })
  afterAll(async () => {
    await chromium?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  test.each([
    { widthPixels: 1280, isDark: false },
    { widthPixels: 360, isDark: true },
  ])('loads without a request or a complaint, with every chart in sight: %j', async (how) => {
    const page = await chromium.open(url, how)
    const charts = await page.evaluate<readonly Box[]>(boxes('svg.chart'))
    expect(charts).toHaveLength(5)
    for (const { width, height, left, right } of charts) {
      expect(Math.min(width, height)).toBeGreaterThan(150)
      expect(left).toBeGreaterThan(0)
      expect(right).toBeLessThan(how.widthPixels)
    }
    for (const { width, height } of await page.evaluate<readonly Box[]>(boxes('svg.chart rect'))) {
      expect(width).toBeGreaterThan(1)
      expect(height).toBeGreaterThan(0)
    }
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(how.widthPixels)
    expect([page.requests, page.complaints]).toEqual([[], []])
  })

  test('no two labels of a chart lie over each other', async () => {
    for (const since of ['60h', '90d']) {
      await host.run(['report', '--since', since, '--html', path])
      for (const widthPixels of [360, 700, 920, 1280]) {
        const page = await chromium.open(url, { widthPixels })
        const rows = await page.evaluate<readonly (readonly Box[])[]>(
          `[...document.querySelectorAll('svg.chart')].map((chart) => [...chart.querySelectorAll('.time')]
            .map((one) => one.getBoundingClientRect().toJSON()).filter(({ width }) => width > 0))`,
        )
        for (const labels of rows) {
          expect(labels.length).toBeGreaterThan(1)
          for (const [index, { left }] of labels.entries()) {
            expect(left, `${since} at ${widthPixels}`).toBeGreaterThan(labels[index - 1]?.right ?? 0)
          }
        }
      }
    }
    await host.run(['report', '--html', path])
  })

  test('looks as the reader has it: light or dark', async () => {
    const brightness = async (isDark: boolean) => {
      const page = await chromium.open(url, { isDark })
      const color = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      return Math.max(...(color.match(/\d+/g) ?? []).map(Number))
    }
    expect(await brightness(false)).toBeGreaterThan(200)
    expect(await brightness(true)).toBeLessThan(60)
  })

  test('its figures are those of the ledger', async () => {
    const page = await chromium.open(url)
    const { rows } = await host.json<UsageReport>(['usage', '--by', 'bottle'])
    const tables = await page.evaluate<Readonly<Record<string, readonly (readonly string[])[]>>>(`Object.fromEntries(
      [...document.querySelectorAll('table')].map((table) => [table.caption.textContent,
        [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.replaceAll('\\u202f', '')))]))`)
    expect(tables['Top bottles']?.map((cells) => [cells[0], Number(cells[2])])).toEqual(
      rows.map(({ group, chargeTokens }) => [group, chargeTokens]),
    )
    const charged = rows.reduce((sum, { chargeTokens }) => sum + chargeTokens, 0)
    expect(await page.evaluate('document.querySelector(".exact").textContent')).toBe(
      String(charged).replace(/(?<=\d)(?=(?:\d{3})+$)/g, '\u202f'),
    )
    const byBottle = Object.entries(tables).find(([title]) => title.startsWith('Tokens by bottle'))?.[1] ?? []
    const cells = byBottle.flatMap(([_, ...figures]) => figures.map(Number))
    expect(cells.reduce((sum, figure) => sum + figure, 0)).toBe(charged)
    expect(tables['Cuts, restores and limits']?.map((row) => row[2])).toEqual(['cutoff'])
    expect(tables.Denials?.map((row) => row[3])).toContain('GET refused.example/x')
    expect(tables.Budgets?.map((row) => row[0])).toContain('this host, per month')
  })

  test('the name of a model is text, whatever it says (S16)', async () => {
    const page = await chromium.open(url)
    expect(await page.evaluate('document.body.innerText')).toContain(hostile)
    expect(await page.evaluate('document.title')).toMatch(/^bot-bottle report: /)
    expect(await page.evaluate('document.scripts.length + document.images.length')).toBe(0)
  })

  test('is written anew over an earlier one, and over nothing else', async () => {
    const again = await host.run(['report', '--since', '7d', '--html', path])
    expect(again.exitCode).toBe(0)
    expect(await readFile(path, 'utf8')).toContain('per day')
    const other = join(host.directory, 'other.html')
    await writeFile(other, 'mine')
    const { exitCode, stderr } = await host.run(['report', '--html', other])
    expect([exitCode, await readFile(other, 'utf8')]).toEqual([2, 'mine'])
    expect(stderr).toContain('is there, and is no report')
  })

  test('--html - is stdout, and as fine as the time asks', async () => {
    const { exitCode, stdout } = await host.run(['report', '--since', '2h', '--html', '-'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^<!doctype html>[\s\S]*Tokens by provider, per hour[\s\S]*<\/html>\n$/)
    expect(stdout).not.toContain('days-')
  })
})
