#!/usr/bin/env node
/**
 * `node scripts/run.mjs TASK [ARGS]` brings what a task needs (Node 24, the dependencies, system packages, a build) and
 * then runs it. It runs itself on Node 18 or newer, as plain JavaScript without a dependency. What is there already is
 * not touched; each step that takes time is one line on stderr; a step that fails shows its own output.
 */
import { buildDist } from './setup/build.mjs'
import { ensureDependencies } from './setup/dependencies.mjs'
import { ensureNode } from './setup/node.mjs'
import { runChild, SetupError } from './setup/step.mjs'
import { ensureSystemPackages } from './setup/system.mjs'
import { benchmark, checkQuickly, testEverything, testFaults, testProject, testSoak, writeDocs } from './tasks.mjs'

/** Tools by task: only a task that makes bottles asks for their packages. */
const forBottles = ['bwrap', 'nsenter', 'unshare', 'setpriv', 'ip', 'mount', 'bash']
const forTests = [...forBottles, 'curl', 'git']
const forAgents = [...forTests, 'wget', 'hey', 'python3-requests', 'python3-httpx']
const forAllTests = [...forAgents, 'postgres', 'tmux', 'zsh', 'fish', 'chromium-headless-shell']

const tasks = {
  demo: { tools: forBottles, build: true, run: (args) => runChild('node', ['dist/main.js', 'demo', ...args]) },
  test: { tools: forAllTests, build: false, run: testEverything },
  check: { tools: ['bash'], build: false, run: checkQuickly },
  build: { tools: [], build: true, run: async () => 0 },
  format: { tools: [], build: false, run: (args) => runChild('biome', ['check', '--write', ...args]) },
  docs: { tools: [], build: false, run: writeDocs },
  bench: { tools: [...forBottles, 'postgres'], build: true, run: benchmark },
  'test:unit': { tools: ['bash'], build: false, run: (args) => testProject('unit', args) },
  'test:integration': { tools: forAllTests, build: false, run: (args) => testProject('integration', args) },
  'test:e2e': { tools: forAllTests, build: true, run: (args) => testProject('e2e', args) },
  'test:escape': { tools: forTests, build: false, run: (args) => testProject('escape', args) },
  'test:faults': { tools: forTests, build: false, run: testFaults },
  'test:soak': { tools: forTests, build: false, run: testSoak },
  'test:agents': { tools: forAgents, build: true, run: (args) => testProject('agents', args) },
}

async function main([name, ...args]) {
  const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : undefined
  if (task === undefined) {
    process.stderr.write(`Usage: node scripts/run.mjs TASK [ARGS]\nTasks: ${Object.keys(tasks).join(', ')}\n`)
    return 2
  }
  try {
    await ensureNode()
    await ensureSystemPackages(task.tools)
    await ensureDependencies()
    if (task.build) await buildDist()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    process.stderr.write(`${error.message}\n`)
    // The count is a promise to whoever reads the last line: nothing ran, so something failed.
    if (name === 'test') process.stdout.write('0 passed, 1 failed\n')
    return 1
  }
  return task.run(args)
}

process.exitCode = await main(process.argv.slice(2))
