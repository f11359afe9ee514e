/** Where a bottle's ways out are, inside its network namespace, in which every IPv4 address is local. */
export const bottlePorts = {
  tcp: {
    proxy: { host: '127.0.0.1', port: 3128 },
    tls: { host: '0.0.0.0', port: 443 },
    http: { host: '0.0.0.0', port: 80 },
  },
  dns: { address: '0.0.0.0', port: 53 },
} as const
