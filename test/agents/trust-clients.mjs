/**
 * Runs in a bottle, on Node 24: asks the same host for the same thing with every HTTPS client that is there, without a word about
 * certificates to any of them. Prints one line of JSON for each: { name, isThere, exitCode, told }.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'

const [, , runtimes] = process.argv
const url = (name) => `https://api.anthropic.com/v1/models?client=${name}`
const fetches = (name) => `fetch('${url(name)}').then((answer) => process.exit(answer.ok ? 0 : 9))`
const requests = (name) =>
  `require('node:https').get('${url(name)}', (answer) => process.exit(answer.statusCode === 200 ? 0 : 9))`
const python = (name, code) => ['/usr/bin/python3', '-c', code.replace('URL', `'${url(name)}'`)]

const clients = {
  curl: (name) => ['/usr/bin/curl', '-fsS', url(name)],
  wget: (name) => ['/usr/bin/wget', '-qO-', url(name)],
  // What it asks for is no endpoint: the answer to it says that there was a handshake.
  git: (name) => ['/usr/bin/git', 'ls-remote', `https://api.anthropic.com/v1/${name}`],
  'node-20-fetch': (name) => ['/usr/bin/node', '-e', fetches(name)],
  'node-20-https': (name) => ['/usr/bin/node', '-e', requests(name)],
  'node-24-fetch': (name) => [process.execPath, '-e', fetches(name)],
  'node-24-https': (name) => [process.execPath, '-e', requests(name)],
  'python-urllib': (name) => python(name, 'import urllib.request; urllib.request.urlopen(URL).read()'),
  'python-requests': (name) => python(name, 'import requests; requests.get(URL).raise_for_status()'),
  'python-httpx': (name) => python(name, 'import httpx; httpx.get(URL).raise_for_status()'),
  'go-hey': (name) => ['/usr/bin/hey', '-n', '1', '-c', '1', '-t', '10', url(name)],
  'rust-deno': (name) => [
    `${runtimes}/deno`,
    'eval',
    `const answer = await fetch('${url(name)}'); Deno.exit(answer.ok ? 0 : 9)`,
  ],
  bun: (name) => [`${runtimes}/bun`, '-e', fetches(name)],
  // It takes the answer for a list of revoked certificates, and says that it is none.
  'java-keytool': (name) => ['/usr/bin/keytool', '-printcrl', '-file', url(name)],
}

function ask(name, [file, ...args]) {
  const { promise, resolve } = Promise.withResolvers()
  execFile(file, args, { timeout: 60_000, encoding: 'utf8' }, (error, stdout, stderr) => {
    const exitCode = error ? (error.code ?? error.signal) : 0
    resolve({ name, isThere: existsSync(file), exitCode, told: `${stdout}${stderr}`.slice(-2_000) })
  })
  return promise
}

const answers = await Promise.all(Object.entries(clients).map(([name, command]) => ask(name, command(name))))
for (const answer of answers) process.stdout.write(`${JSON.stringify(answer)}\n`)
