import { BadConfiguration } from '../../pipeline/index.ts'

/** Where servers are, and what the addresses say of how to get in. */
export interface Addresses {
  /** As the client takes them, and as people may read them: without user, password or token. */
  readonly servers: readonly string[]
  readonly shown: readonly string[]
  /** One of them says `tls://`: nothing is sent to any in clear text. */
  readonly tls: boolean
  readonly identity: Identity | undefined
}

export interface Identity {
  readonly user?: string
  readonly password?: string
  readonly token?: string
}

/**
 * Reads addresses: `HOST`, `HOST:PORT`, `nats://…`, `tls://…`, with `USER:PASSWORD@` or `TOKEN@` before the host,
 * percent-encoded where they have signs of an address. The client itself looks at host and port alone.
 * @throws BadConfiguration one is no address, or two bring different identities; no sentence has a password in it
 */
export function readAddresses(addresses: readonly string[]): Addresses {
  const read = addresses.map(readAddress)
  const [identity, ...others] = read.flatMap((one) => one.identity ?? [])
  if (identity && others.some((other) => JSON.stringify(other) !== JSON.stringify(identity))) {
    throw new BadConfiguration(
      'The addresses of NATS servers bring different users. A connection has one: give it as "user" and "password".',
    )
  }
  return {
    servers: read.map(({ server }) => server),
    shown: read.map(({ shown }) => shown),
    tls: read.some(({ tls }) => tls),
    identity,
  }
}

function readAddress(address: string) {
  const [, scheme = 'nats', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*)$/s.exec(address) ?? []
  const protocol = scheme.toLowerCase()
  const at = rest.lastIndexOf('@')
  const server = rest.slice(at + 1).replace(/\/$/, '')
  if (protocol !== 'nats' && protocol !== 'tls') {
    throw new BadConfiguration(
      `"${protocol}://${server}" is no address of a NATS server that is spoken to from here: use nats:// or tls://.`,
    )
  }
  if (!/^(?:\[[0-9A-Fa-f:.%]+\]|[^\s:@/[\]]+)(?::\d{1,5})?$/.test(server)) {
    throw new BadConfiguration(
      `"${server}" is no address of a NATS server: give a host, and a port where it is not 4222, such as nats://127.0.0.1:4222.`,
    )
  }
  const identity = at < 0 ? undefined : identityOf(rest.slice(0, at))
  return { server, shown: `${protocol}://${server}`, tls: protocol === 'tls', identity }
}

function identityOf(text: string): Identity {
  const colon = text.indexOf(':')
  try {
    if (colon < 0) return { token: decodeURIComponent(text) }
    return { user: decodeURIComponent(text.slice(0, colon)), password: decodeURIComponent(text.slice(colon + 1)) }
  } catch {
    // The cause would quote it.
    throw new BadConfiguration(
      'The user or password in the address of a NATS server is not percent-encoded: write "%" as "%25".',
    )
  }
}
