/**
 * The trust roots that a bottle sees: the host's own and the bottle's CA. Three files, since some runtimes replace their
 * roots by a bundle (OpenSSL, curl, Python), others add one certificate to theirs (Node, Deno), and Java has a format of its own.
 */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { javaTrustStore } from './java-trust-store.ts'

/** Where distributions keep the bundle, in the order of what to read first; a bottle gets ours at each of these. */
export const systemBundlePaths = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch, Gentoo
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/ssl/cert.pem', // Alpine, and where OpenSSL's own directory is /etc/ssl
] as const

/** The same for Java. Those that bring their own roots are led here by a variable. */
export const systemTrustStorePaths = [
  '/etc/ssl/certs/java/cacerts', // Debian, Ubuntu, Arch
  '/etc/pki/ca-trust/extracted/java/cacerts', // Fedora, RHEL
] as const

export interface CaFiles {
  /** The bottle's CA alone. */
  readonly certificatePath: string
  /** The host's roots and the bottle's CA. */
  readonly bundlePath: string
  /** The same as a key store of Java. */
  readonly trustStorePath: string
}

export async function writeCaFiles(directory: string, caCertificate: string): Promise<CaFiles> {
  const files = {
    certificatePath: path.join(directory, 'ca.pem'),
    bundlePath: path.join(directory, 'ca-bundle.pem'),
    trustStorePath: path.join(directory, 'ca-bundle.p12'),
  }
  const bundle = ensureNewline(await hostRoots()) + ensureNewline(caCertificate)
  await writeFile(files.certificatePath, ensureNewline(caCertificate))
  await writeFile(files.bundlePath, bundle)
  await writeFile(files.trustStorePath, javaTrustStore(bundle))
  return files
}

/** The first bundle that the host has; else the roots that Node carries. */
async function hostRoots(): Promise<string> {
  for (const file of systemBundlePaths) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  }
  return rootCertificates.join('\n')
}

function ensureNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
