/** The tasks that are more than one command. Everything they need was set up before. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDist } from './setup/build.mjs'
import { root, runChild, SetupError } from './setup/step.mjs'

const lint = ['biome', ['ci', '--error-on-warnings']]
const types = ['tsc', ['-p', 'tsconfig.json']]

/** Format, lint, types and unit tests, stopping at the first that fails. */
export async function checkQuickly() {
  for (const [file, args] of [lint, types, ['vitest', ['run', '--project', 'unit']]]) {
    const code = await runChild(file, args)
    if (code !== 0) return code
  }
  return 0
}

/** Tests start the product from its sources, again and again: its processes share what Node made of them. */
const compileCache = { NODE_COMPILE_CACHE: join(root, '.cache', 'compiled') }

export function testProject(project, args) {
  return runChild('vitest', ['run', '--project', project, ...args], compileCache)
}

/** `npm run test:faults -- 1000` kills so many controllers. */
export function testFaults(args) {
  const [rounds, ...rest] = /^\d+$/.test(args[0] ?? '') ? args : [process.env.BOT_BOTTLE_FAULT_ROUNDS, ...args]
  const env = rounds === undefined ? {} : { BOT_BOTTLE_FAULT_ROUNDS: rounds }
  return runChild('vitest', ['run', '--project', 'faults', ...rest], env)
}

/** `npm run test:soak -- 60` takes so many minutes, else 30. */
export function testSoak(args) {
  const [minutes, ...rest] = /^\d+$/.test(args[0] ?? '') ? args : [30, ...args]
  return runChild('vitest', ['run', '--project', 'soak', ...rest], { BOT_BOTTLE_SOAK_SECONDS: String(minutes * 60) })
}

/** The pages and schemas that are made of the sources. */
export async function writeDocs(args) {
  for (const script of ['cli-reference.mjs', 'manifest-reference.mjs']) {
    const code = await runChild('node', [join('scripts', script), ...args])
    if (code !== 0) return code
  }
  return 0
}

/** Each `bench/*.ts`, or the named ones, one after the other. */
export async function benchmark(names) {
  const all = (await readdir(join(root, 'bench'))).filter((file) => /^[^.]+\.ts$/.test(file)).sort()
  const files = names.length === 0 ? all : names.map((name) => `${name}.ts`)
  for (const file of files) {
    if (!all.includes(file)) {
      process.stderr.write(`There is no bench/${file}; there are ${all.join(', ')}.\n`)
      return 2
    }
    const code = await runChild('node', [join('bench', file)])
    if (code !== 0) return code
  }
  return 0
}

/** Everything that CI runs, all of it even after a failure. The last line on stdout is `N passed, N failed`. */
export async function testEverything(args) {
  const counts = { passed: 0, failed: 0 }
  const count = (isPassed) => {
    if (isPassed) counts.passed++
    else counts.failed++
  }
  count((await runChild(...lint)) === 0)
  count((await runChild(...types)) === 0)
  count(await builds())
  const tests = await runTests(args)
  counts.passed += tests.passed
  counts.failed += tests.failed
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
  return counts.failed === 0 ? 0 : 1
}

async function builds() {
  try {
    await buildDist()
    return true
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    process.stderr.write(`${error.message}\n`)
    return false
  }
}

async function runTests(args) {
  const directory = await mkdtemp(join(tmpdir(), 'bot-bottle-test-'))
  try {
    const report = join(directory, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const code = await runChild('vitest', ['run', ...reporters, ...args], compileCache)
    const written = await readFile(report, 'utf8').catch(() => undefined)
    return countReport(written === undefined ? undefined : JSON.parse(written), { code, isCi: Boolean(process.env.CI) })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * Counts vitest's JSON report. A file that could not be loaded, a run without a report and an error outside of any test
 * count as one failure each, and so does a test that was skipped where nothing may be skipped.
 */
export function countReport(report, { code, isCi }) {
  let passed = 0
  let failed = 0
  for (const { status, assertionResults } of report?.testResults ?? []) {
    const failedBefore = failed
    for (const { status: outcome } of assertionResults) {
      if (outcome === 'passed') passed++
      else if (outcome === 'failed' || isCi) failed++
    }
    if (status === 'failed' && failed === failedBefore) failed++
  }
  if (failed === 0 && (report === undefined || code !== 0 || passed === 0)) failed = 1
  return { passed, failed }
}
