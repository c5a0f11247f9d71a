import type { Conversation, Delivery, Parts, Transport, TransportHeaders } from '../../pipeline/index.ts'

/** One party and what it reported. */
export interface Party {
  readonly transport: Transport
  readonly faults: Faults
}

/** What a transport is made with for the contract. */
export interface Broker {
  /** Another party that reaches all others. */
  connect(faults: Faults): Promise<Transport>
  close(): Promise<void>
}

/** Collects reported faults, and waits for the next. */
export class Faults {
  readonly seen: Error[] = []
  readonly #waiting: ((error: Error) => void)[] = []

  readonly report = (error: Error): void => {
    this.seen.push(error)
    this.#waiting.shift()?.(error)
  }

  /** The first fault, seen already or to come. */
  first(): Promise<Error> {
    const [first] = this.seen
    return first ? Promise.resolve(first) : new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** One question with all that came back. */
export class Asked {
  readonly replies: Delivery[] = []
  readonly conversation: Conversation
  readonly error: Promise<Error>
  errors = 0
  readonly #waiting: { count: number; resolve: () => void }[] = []

  constructor(transport: Transport, subject: string, data: Parts = [], headers?: TransportHeaders) {
    let fail: (error: Error) => void = () => {}
    this.error = new Promise((resolve) => {
      fail = resolve
    })
    this.conversation = transport.request(subject, data, {
      ...(headers ? { headers } : {}),
      onReply: (delivery) => {
        this.replies.push(delivery)
        for (const { count, resolve } of this.#waiting) if (this.replies.length >= count) resolve()
      },
      onError: (error) => {
        this.errors++
        fail(error)
      },
    })
  }

  /** The replies, once there are so many; rejects with the conversation's error when that comes first. */
  async heard(count = 1): Promise<readonly Delivery[]> {
    if (this.replies.length < count) {
      const enough = new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
      await Promise.race([enough, this.error.then((error) => Promise.reject(error))])
    }
    return this.replies
  }
}

/** One question, its first reply, the conversation closed. */
export async function answer(
  transport: Transport,
  subject: string,
  data: Parts = [],
  headers?: TransportHeaders,
): Promise<Delivery> {
  const asked = new Asked(transport, subject, data, headers)
  try {
    return (await asked.heard())[0] as Delivery
  } finally {
    asked.conversation.close()
  }
}

/** Text as parts. */
export function text(value: string): Parts {
  return [Buffer.from(value)]
}

/** All parts as one array. */
export function whole(data: Parts): Buffer {
  return Buffer.concat(data as Uint8Array[])
}

/** What the data says as text. */
export function said(delivery: Delivery): string {
  return whole(delivery.data).toString()
}

/** A promise and its resolver. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
