/*
 * What runs in the page: pipelines of fake stages over the memory transport, with what a browser has. Bundled by the
 * test, which calls `quintet` there.
 */
import { memoryTransport } from '../../adapters/memory/index.ts'
import {
  Boundary,
  type Counts,
  decide,
  hex,
  hop,
  inCloud,
  type PipelineOptions,
  pipeline,
  utf8,
  webPlatform,
} from '../../pipeline/index.ts'
import { answering, collect, delaying, dropping, failing, frames } from '../../pipeline/testing/index.ts'
import { type LogEntry, logged } from '../../stages/decide/index.ts'
import { encodeActivations } from '../../stages/execute/activations.ts'
import { decodeActivation, transfer } from '../../stages/transfer/index.ts'

/** What a run in the page came to. */
export interface Ran {
  readonly counts: Counts
  /** Ids that were answered, in order, without the run's own part. */
  readonly order: readonly string[]
  readonly errors: readonly string[]
  readonly decisions: number
}

/** A device, a hop and a cloud: some messages fail, some are let go, all others are answered in order. */
async function run(count: number, options: { handsOver: boolean; chunkAbove?: number; bytes: number }): Promise<Ran> {
  const { handsOver, bytes, ...boundary } = options
  const entries: LogEntry[] = []
  const composed: PipelineOptions = { embedded: () => memoryTransport({ handsOver }), window: 16 }
  const captures = Array.from({ length: count }, (_, n) => ({
    payload: { form: 'image', at: 'captured', bytes: new Uint8Array(bytes).fill(n) } as const,
    id: `p${n}`,
  }))
  const flow = pipeline(
    'browser',
    composed,
    frames(captures),
    decide(logged({ write: (entry) => void entries.push(entry) }, inCloud())),
    hop('edge', boundary),
    dropping(10),
    transfer({ ...boundary, probe: false }),
    failing(7),
    delaying(1, { concurrency: 4 }),
    answering(({ payload }) => ({ label: payload.form === 'image' ? `${payload.bytes.at(-1)}` : payload.form })),
  )
  const { answers, failures, counts, error } = await collect(flow.run())
  if (error !== undefined) throw error
  const wrong = answers.filter(({ id, label }) => label !== `${Number(id.slice(1)) & 0xff}`)
  if (wrong.length > 0) throw new Error(`${wrong.length} answers are of another picture`)
  return {
    counts,
    order: answers.map(({ id }) => id),
    errors: [...new Set(failures.map(({ error: { code } }) => code))],
    decisions: entries.filter(({ type }) => type === 'decision').length,
  }
}

/** What the page's platform has, and what it says of what it lacks. */
async function platform() {
  const crossing = [{ name: 'relu', type: 'float32', shape: [64], bytes: new Uint8Array(256).fill(65) } as const]
  const packed = await encodeActivations('relu', crossing, 'float32+deflate', webPlatform)
  const back = await decodeActivation(packed.tensors[0]?.bytes ?? new Uint8Array(), { platform: webPlatform })
  const hash = webPlatform.sha256()
  hash.update(utf8('a'))
  hash.update(utf8('bc'))
  return {
    packings: Object.keys(webPlatform.packers),
    smaller: (packed.tensors[0]?.bytes.byteLength ?? 0) < 256,
    same: hex(back.bytes) === hex(crossing[0]?.bytes ?? new Uint8Array(1)),
    refused: await encodeActivations('relu', crossing, 'uint8+brotli', webPlatform).then(
      () => 'nothing',
      (error: Error) => `${error.name}: ${error.message}`,
    ),
    sha256: hex(hash.digest()),
    subject: Boundary.service('main', 'flowers').node('phone.main', 'one'),
  }
}

export type Page = { readonly run: typeof run; readonly platform: typeof platform }
Object.assign(globalThis, { quintet: { run, platform } satisfies Page })
