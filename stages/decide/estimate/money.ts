import { z } from 'zod'
import { readOptions } from '../../../pipeline/index.ts'

const price = z.number().min(0).default(0)

const settings = z.strictObject({
  /** Of a request to the cloud. */
  request: price,
  /** Of a second of computing in the cloud. */
  second: price,
  /** Of a gigabyte (10⁹ bytes) sent up. */
  gigabyte: price,
})

/** Plain prices in any one currency; all default to 0. */
export type MoneyOptions = z.input<typeof settings>

/** Money per 1,000 requests: 1000 · (p_request + p_second · t_cloud + p_gigabyte · bytes). Linear, so that arms can be summed up. */
export class Money {
  /** Per 1,000 requests. */
  readonly request: number
  /** The same for each millisecond of computing in the cloud. */
  readonly millisecond: number
  /** The same for each byte sent up. */
  readonly byte: number

  /** @throws BadConfiguration a bad option */
  constructor(options: MoneyOptions = {}) {
    const { request, second, gigabyte } = readOptions(settings, options, 'money()')
    this.request = 1000 * request
    this.millisecond = second
    this.byte = gigabyte / 1e6
  }

  /** Of 1,000 requests that send so many bytes and keep the cloud busy for `cloud` ms each. */
  per1000(bytes: number, cloud: number): number {
    return this.request + this.millisecond * cloud + this.byte * bytes
  }
}
