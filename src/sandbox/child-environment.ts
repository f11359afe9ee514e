/**
 * The variables that make a program trust the bottle's CA and, where only variables lead to the proxy, use it.
 * Which runtime heeds which was measured with real agents (DESIGN §5.8). NODE_USE_SYSTEM_CA is left out: it makes every
 * Node process that uses TLS read the whole bundle (about 30 ms), and NODE_EXTRA_CA_CERTS alone is enough for Node.
 */
import type { CaFiles } from './ca-bundle.ts'

export type Environment = Readonly<Record<string, string>>

export function caVariables({ certificatePath, bundlePath, trustStorePath }: CaFiles): Environment {
  return {
    // These add to the roots that the runtime carries.
    NODE_EXTRA_CA_CERTS: certificatePath,
    DENO_CERT: certificatePath,
    // These replace the roots, so they name the whole bundle.
    SSL_CERT_FILE: bundlePath,
    CURL_CA_BUNDLE: bundlePath,
    REQUESTS_CA_BUNDLE: bundlePath,
    PIP_CERT: bundlePath,
    GIT_SSL_CAINFO: bundlePath,
    CODEX_CA_CERTIFICATE: bundlePath,
    CARGO_HTTP_CAINFO: bundlePath,
    AWS_CA_BUNDLE: bundlePath,
    NIX_SSL_CERT_FILE: bundlePath,
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: bundlePath,
    // Every JVM tells on stderr that it took it up.
    JAVA_TOOL_OPTIONS: `-Djavax.net.ssl.trustStore=${trustStorePath}`,
  }
}

/** Both spellings: curl heeds only the lower case of `http_proxy`, others only the upper case. */
export function proxyVariables(port: number): Environment {
  const url = `http://127.0.0.1:${port}`
  const local = 'localhost,127.0.0.1,::1'
  return {
    HTTPS_PROXY: url,
    https_proxy: url,
    HTTP_PROXY: url,
    http_proxy: url,
    ALL_PROXY: url,
    all_proxy: url,
    // Set, not left out: a NO_PROXY that came with the host's environment would lead past the proxy.
    NO_PROXY: local,
    no_proxy: local,
    NODE_USE_ENV_PROXY: '1',
  }
}
