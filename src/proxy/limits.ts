/** Every ceiling of the proxy, with what happens there. */
export const proxyLimits = {
  /** Head of one request; Node answers 431. */
  maxHeadBytes: 64 * 1024,
  /** A request body is held in memory until it is decided; beyond it is refused with 413. */
  maxRequestBytes: 64 * 1024 * 1024,
  /** What a coded request body may decode to, in memory beside it; beyond it is refused with 413. */
  maxDecodedRequestBytes: 64 * 1024 * 1024,
  /** The request bodies of one bottle in memory at a time; the request that goes beyond is refused with 413. */
  maxBodiesBytes: 256 * 1024 * 1024,
  /** Coded bytes of one answer that wait to be decoded, in each of two buffers; then it is held. Few: they are not counted yet. */
  maxUndecodedBytes: 1024,
  /** What one answer may decode to; beyond it its coded bytes are counted, and it is marked as estimated. */
  maxDecodedAnswerBytes: 256 * 1024 * 1024,
  /** A coded answer that is searched for the credential, and what of it is decoded; a longer one passes as it comes. */
  maxScreenedBytes: 64 * 1024,
  maxScreenedDecodedBytes: 1024 * 1024,
  /** A body on a plain route that is held, to be sent again on a stale connection; a longer one passes as it comes. */
  maxHeldBytes: 64 * 1024,
  /** From the first byte of a connection to the end of the request's head; then 408. */
  headTimeoutMs: 15_000,
  /** A whole request, uploads as well; then 408. */
  requestTimeoutMs: 3_600_000,
  /** How often the two limits above are looked at. */
  timeoutCheckMs: 5_000,
  /** A request of this host itself, for the renewal of a sign-in, and its answer; then given up. */
  ownRequestMs: 20_000,
  maxOwnAnswerBytes: 64 * 1024,
  /** An idle connection of a client; then closed. */
  keepAliveTimeoutMs: 65_000,
  /** A TLS handshake with a client; then closed. */
  handshakeTimeoutMs: 10_000,
  /** Connections of one bottle at a time; further ones are closed at once. */
  maxConnections: 1024,
  /** Leaf certificates kept for one bottle; the oldest is dropped. */
  maxLeaves: 256,
  /** Requests of one bottle in flight; further HTTP/2 ones are refused (REFUSED_STREAM). One of HTTP/1.1 is a connection. */
  maxExchanges: 1024,
  /** Requests of one HTTP/2 session in flight; further ones are refused (REFUSED_STREAM). */
  maxSessionStreams: 100,
  /** Fields in the head of an HTTP/2 request; then its stream is reset. */
  maxHeadFields: 128,
  /** What a client may send ahead of being read, for each HTTP/2 request. */
  streamWindowBytes: 256 * 1024,
  /** What an HTTP/2 session holds in memory; then further requests are refused. */
  maxSessionBytes: 32_000_000,
  /** Malformed or refused frames of an HTTP/2 session; then it is ended. */
  maxInvalidFrames: 100,
  /** Pings, settings and resets of an HTTP/2 session at once, and in the long run; then it is ended. */
  nuisanceBurst: 200,
  nuisancesPerSecond: 10,
  /** TCP and TLS towards a provider; then 502. */
  connectTimeoutMs: 15_000,
  /** Tunnel through a company's proxy, TLS with the provider included; then 502. Sooner than the limit above, so that it is told. */
  tunnelMs: 12_000,
  /** Head of that proxy's answer; then 502. */
  maxTunnelHeadBytes: 16 * 1024,
  /** What this host's own DNS is asked of a name that the company's proxy will resolve; then it counts as not known here. */
  localDnsMs: 1_000,
  /** Silence of a provider; then the exchange ends. Long answers without a stream take minutes. */
  upstreamIdleTimeoutMs: 600_000,
  /** Idle connections kept towards one host. */
  maxIdleUpstreamSockets: 64,
  /** An idle connection to a provider; then closed. */
  upstreamKeepAliveMs: 60_000,
  /** How long a host that refused HTTP/1.1 is asked in HTTP/2 at once. */
  http2HostMs: 3_600_000,
  /** Hosts remembered so; the oldest is forgotten, and asked in HTTP/1.1 again. */
  maxHttp2Hosts: 1_000,
  /** A pooled connection that breaks without an answer sooner than this was closed before the request came. */
  staleConnectionMs: 1_000,
  /** How long a request waits for room that others hold; then 429. */
  pendingWaitMs: 3_000,
  /** How long a stream waits for room that others hold; then it is cut. Short: its provider writes and bills on meanwhile. */
  extendWaitMs: 250,
  /** How long a cut waits for the end of an event that is half-written; then the error follows it anyway. */
  eventEndWaitMs: 25,
  /** How long a cut waits for a slow client to take the end of its answer; then its connection is destroyed. */
  cutFlushMs: 3_000,
  /** How long an HTTP/2 client may leave the end of an answer untaken; then its stream is reset. */
  endFlushMs: 600_000,
  /** How long the rest of a refused request is read and dropped, so that its client can read the refusal; then closed. */
  refusalDrainMs: 2_000,
  /** WebSockets of one bottle at a time; the upgrade that goes beyond is answered 426. */
  maxWebSockets: 16,
  /** One message of a client on a WebSocket; then it is closed with 1009. */
  maxMessageBytes: 16 * 1024 * 1024,
  /** One event of a provider on a WebSocket; then it is closed. */
  maxEventBytes: 64 * 1024 * 1024,
  /** Frames of one message; then the WebSocket is closed. */
  maxMessageFragments: 4096,
  /** What one side of a WebSocket has not read; then nothing is read from the other. */
  maxUnsentBytes: 256 * 1024,
  /** From the dial to the answer of a provider that is asked for a WebSocket; then 504. */
  webSocketOpenMs: 30_000,
  /** A WebSocket without a response that is open, and without a message; then closed. Providers keep one for an hour. */
  webSocketIdleMs: 3_600_000,
  /** How long the other side may take to answer the close of a WebSocket; then destroyed. */
  webSocketCloseMs: 30_000,
  /** Body of an answer that refuses a WebSocket; the rest is dropped. */
  maxRefusalBytes: 64 * 1024,
  /** How long the ledger may take for one answer; then the exchange fails. Beyond the wait for a locked database. */
  ledgerAnswerMs: 15_000,
  /** A provider's count of a request before it is sent; then the upper estimate stands in for it. */
  tokenCountMs: 3_000,
  /** The answer to that question. */
  maxTokenAnswerBytes: 64 * 1024,
} as const

/** When a client may ask again for room that others hold. */
export const pendingRetrySeconds = 2

/** Output tokens that a lease holds ahead of what was seen. */
export const leaseChunkTokens = 256

/** Output tokens that the gate `strict` holds for a request that allows any: as much as most models can write at all. */
export const strictOutputTokens = 32_768
