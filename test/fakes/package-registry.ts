/** A registry of npm on loopback, of what is installed in this checkout: `npm install` of the product needs nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { checkout } from './test-user.ts'

interface Locked {
  readonly dev?: boolean
  readonly devOptional?: boolean
}

interface Manifest {
  readonly name: string
  readonly version: string
}

export interface PackageRegistry extends AsyncDisposable {
  readonly url: string
}

/** Only what a user would get: none of the packages for development. */
export async function startPackageRegistry(): Promise<PackageRegistry> {
  const installed = await installedPackages()
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    if (path.endsWith('.tgz')) return sendArchive(response, path.slice(0, -'.tgz'.length))
    const found = installed.filter(({ manifest }) => manifest.name === path)
    const versions = found.map(({ folder, manifest }) => [
      manifest.version,
      { ...manifest, dist: { tarball: `http://${request.headers.host}/${folder}.tgz` } },
    ])
    response.statusCode = found.length > 0 ? 200 : 404
    const latest = found[0]?.manifest.version
    response.end(JSON.stringify({ name: path, 'dist-tags': { latest }, versions: Object.fromEntries(versions) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the registry has no port')
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function installedPackages(): Promise<readonly { readonly folder: string; readonly manifest: Manifest }[]> {
  const lock = JSON.parse(await readFile(join(checkout, 'package-lock.json'), 'utf8'))
  const folders = Object.entries(lock.packages as Record<string, Locked>)
    .filter(([folder, { dev, devOptional }]) => folder !== '' && !dev && !devOptional)
    .map(([folder]) => folder)
  const read = folders.map(async (folder) => {
    const text = await readFile(join(checkout, folder, 'package.json'), 'utf8').catch(() => undefined)
    // Of the optional ones only those for this processor are there.
    return text === undefined ? [] : [{ folder, manifest: JSON.parse(text) as Manifest }]
  })
  return (await Promise.all(read)).flat()
}

function sendArchive(response: ServerResponse, folder: string): void {
  const inside = ['--exclude=./node_modules', '--transform=s,^[.],package,', '--use-compress-program=gzip -1', '.']
  const tar = spawn('tar', ['--create', '--directory', join(checkout, folder), ...inside], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  tar.on('error', () => response.destroy())
  tar.stdout.pipe(response)
}
