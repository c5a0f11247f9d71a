import { headers as emptyHeaders, type Msg, type MsgHdrs } from 'nats'
import { BadMessage, type Delivery, type TransportHeaders } from '../../pipeline/index.ts'

export const noHeaders: TransportHeaders = Object.freeze({})

/** Headers as the client wants them, already checked. */
export function toClient(headers: TransportHeaders): MsgHdrs {
  const made = emptyHeaders()
  for (const key in headers) made.append(key, headers[key] as string)
  return made
}

/** What headers take of the server's largest message: the first line, each key and value, the empty line. */
export function headerBytes(headers: TransportHeaders | undefined): number {
  if (headers === undefined) return 0
  let bytes = 'NATS/1.0\r\n\r\n'.length
  for (const key in headers) bytes += key.length + (headers[key] as string).length + ': \r\n'.length
  return bytes
}

/**
 * An arrived message; its data is a view of what the socket read, never a copy.
 * @throws BadMessage when a foreign sender's headers cannot be read; thrown on into the client, that would end its reader
 */
export function deliveryFrom(message: Msg): Delivery {
  try {
    return { subject: message.subject, headers: headersFrom(message.headers), data: [message.data] }
  } catch (cause) {
    throw new BadMessage(`A message on "${message.subject}" has headers that cannot be read: look at its sender.`, {
      cause,
    })
  }
}

/** The server's own word that nobody listens: no data, and a status line in place of headers. Throws on foul headers. */
export function isNoResponders(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503
}

/** What a member answers that can take no more: the same word, so that the asker turns elsewhere at once. */
export const nobodyHere: MsgHdrs = emptyHeaders(503, 'No Responders')

function headersFrom(headers: MsgHdrs | undefined): TransportHeaders {
  if (!headers) return noHeaders
  const plain: Record<string, string> = {}
  for (const [key, values] of headers) plain[key] = values[0] ?? ''
  return plain
}
