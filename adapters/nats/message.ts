import { Empty, headers as emptyHeaders, type Msg, type MsgHdrs } from 'nats'
import type { Delivery, Parts, TransportHeaders } from '../../pipeline/index.ts'

export const noHeaders: TransportHeaders = Object.freeze({})

/** Parts as the one array that goes to the socket: the part itself when there is one, else one copy. */
export function joined(data: Parts): Uint8Array {
  if (data.length === 1) return data[0] as Uint8Array
  if (data.length === 0) return Empty
  return Buffer.concat(data as Uint8Array[])
}

/** Bytes of all parts. */
export function sizeOf(data: Parts): number {
  let bytes = 0
  for (const part of data) bytes += part.byteLength
  return bytes
}

/** Headers as the client wants them, already checked. */
export function toClient(headers: TransportHeaders): MsgHdrs {
  const made = emptyHeaders()
  for (const key in headers) made.append(key, headers[key] as string)
  return made
}

/** An arrived message; its data is a view of what the socket read, never a copy. */
export function deliveryFrom(message: Msg): Delivery {
  return { subject: message.subject, headers: headersFrom(message.headers), data: [message.data] }
}

/** The server's own word that nobody listens: no data, and a status line in place of headers. */
export function isNoResponders(message: Msg): boolean {
  return message.headers !== undefined && message.headers.code === 503 && message.data.length === 0
}

/** What a member answers that can take no more: the same word, so that the asker turns elsewhere at once. */
export const nobodyHere: MsgHdrs = emptyHeaders(503, 'No Responders')

function headersFrom(headers: MsgHdrs | undefined): TransportHeaders {
  if (!headers) return noHeaders
  const plain: Record<string, string> = {}
  for (const [key, values] of headers) plain[key] = values[0] ?? ''
  return plain
}
