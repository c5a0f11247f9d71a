import { createConnection } from 'node:net'

/** A server says all this at once, or is not asked further, ms and bytes. */
const patience = 500
const mostBytes = 64 * 1024

/**
 * Why a server turns away whoever connects, in its own words (`maximum connections exceeded`), where it says so unasked: the
 * client waits for its answer meanwhile, and hears nothing of that. Nothing is sent.
 * @param server `HOST` or `HOST:PORT`
 * @returns undefined where it says nothing of the kind, or is not there
 */
export function turnedAway(server: string): Promise<string | undefined> {
  const { hostname, port } = new URL(`http://${server}`)
  return new Promise((resolve) => {
    let said = ''
    const socket = createConnection({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 4222) })
    const end = () => {
      socket.destroy()
      resolve(/^-ERR '?([^'\r\n]{1,200})/m.exec(said)?.[1])
    }
    socket.setTimeout(patience, end)
    socket.on('error', () => {})
    socket.on('close', end)
    socket.on('data', (bytes) => {
      said += bytes.toString('utf8')
      if (said.length > mostBytes || said.includes('-ERR')) end()
    })
  })
}
