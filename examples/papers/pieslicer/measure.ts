/*
 * Measures what PieSlicer's predictors are compared on: pictures of many sizes, prepared by the real engine, and sent
 * as they are and prepared through a real NATS server. Between the device's connection and the server stands the
 * emulated link. Writes measured.json beside this file; takes about four minutes.
 *
 *   npm run papers:measure
 */
import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, platform } from 'node:os'
import sharp from 'sharp'
import { median } from 'simple-statistics'
import { glob } from 'tinyglobby'
import { imageEngine } from '../../../adapters/image/index.ts'
import { constantRate, linkProxy, linkShape } from '../../../adapters/link/index.ts'
import { connect, natsServer } from '../../../adapters/nats/index.ts'
import { random } from '../../../adapters/simulation/index.ts'
import { BadConfiguration, type Captured, type Prepared, type Transport } from '../../../pipeline/index.ts'
import type { ImageEngine } from '../../../stages/index.ts'
import { program } from '../../program.ts'
import { type MeasuredPicture, type Measurements, measuredFile, measurements } from './measured.ts'

const count = 300
/** Measured first, and left out: code is compiled, connections open. */
const discarded = 20
/** Pixels of a picture's longer side, and JPEG qualities. */
const [narrowest, widest] = [240, 3600]
const [poorest, finest] = [40, 95]
const link = { bitsPerSecond: 20e6, delay: 5 }
/** A phone beside a server's core, as PieSlicer's lines have it: 39 to 104 ms a megabyte there, about 15 here. */
const slowdown = 4
/** Each time is the middle one of so many: what else the machine does comes in bursts. */
const repeats = 3
const subject = 'measure.pictures'

const input = {
  name: 'input',
  width: 224,
  height: 224,
  layout: 'NCHW',
  type: 'float32',
  channels: 'rgb',
  mean: [0, 0, 0],
  std: [1, 1, 1],
  resize: 'cover',
  crop: 1,
} as const satisfies Parameters<ImageEngine['prepare']>[1]

const engine = imageEngine()

await program(async () => {
  const assets = process.env.QUINTET_ASSETS ?? '../shared/assets'
  const photos = (await glob('images/**/*.jpg', { cwd: assets, absolute: true })).sort()
  if (photos.length === 0) {
    throw new BadConfiguration(`No photos under "${assets}/images". Let QUINTET_ASSETS name a folder that has some.`)
  }
  const server = await natsServer({ maxPayload: 16 * 2 ** 20 })
  const rate = constantRate(link.bitsPerSecond)
  const proxy = await linkProxy({
    to: { host: '127.0.0.1', port: server.port },
    shape: linkShape({ up: rate, down: rate, delay: link.delay }),
  })
  const device = await connect(`nats://${proxy.host}:${proxy.port}`)
  const cloud = await connect(server.url)
  try {
    await cloud.serve(subject, ({ reply }) => reply([new Uint8Array(300)]))
    const pictures: MeasuredPicture[] = []
    const chance = random(1, 'pictures')
    for (let n = 0; n < count + discarded; n++) {
      const photo = photos[Math.floor(chance.uniform() * photos.length)] as string
      const longer = Math.round(narrowest * (widest / narrowest) ** chance.uniform())
      const quality = Math.round(poorest + (finest - poorest) * chance.uniform())
      const bytes = await sharp(await readFile(photo))
        .resize(longer, longer, { fit: 'inside' })
        .jpeg({ quality })
        .toBuffer()
      const one = await measure(bytes, device)
      if (n >= discarded) pictures.push(one)
      if (n % 50 === 0) process.stderr.write(`${n} of ${count + discarded}\n`)
    }
    const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${arch()}, Node ${process.versions.node}`
    await writeFile(measuredFile, asJson(measurements.write({ machine, link, slowdown, pictures })))
  } finally {
    await device.drain()
    await cloud.drain()
    await proxy.close()
    await server.stop()
  }
})

async function measure(bytes: Uint8Array, device: Transport): Promise<MeasuredPicture> {
  const captured: Captured = { form: 'image', at: 'captured', bytes }
  const { width, height } = await engine.measure(bytes)
  const [prepared, onDevice] = await timed(() => engine.prepare(captured, input, { encoding: 'jpeg' }))
  if (prepared.form !== 'image') throw new TypeError('The engine was asked for a picture.')
  const tensor = (picture: Captured | Prepared) => timed(() => engine.prepare(picture, input, { encoding: 'tensor' }))
  const [, sent] = await timed(() => roundTrip(device, bytes))
  const [, sentPrepared] = await timed(() => roundTrip(device, prepared.bytes))
  const [, cloud] = await tensor(captured)
  const [, cloudPrepared] = await tensor(prepared)
  return {
    bytes: bytes.byteLength,
    width,
    height,
    preparedBytes: prepared.bytes.byteLength,
    device: onDevice,
    sent,
    sentPrepared,
    cloud,
    cloudPrepared,
  }
}

function roundTrip(transport: Transport, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = transport.request(subject, [bytes], {
      onReply: () => {
        asked.close()
        resolve()
      },
      onError: reject,
    })
  })
}

/** What work makes, and the median ms that it takes. */
async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const took: number[] = []
  for (;;) {
    const began = performance.now()
    const done = await work()
    took.push(performance.now() - began)
    if (took.length === repeats) return [done, Math.round(1000 * median(took)) / 1000]
  }
}

/** A line a picture: what changes shows. */
function asJson({ pictures, ...rest }: Measurements): string {
  const head = JSON.stringify(rest, null, 2).replace(/\n\}$/, '')
  return `${head},\n  "pictures": [\n${pictures.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]\n}\n`
}
