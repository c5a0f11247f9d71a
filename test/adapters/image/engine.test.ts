import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { imageEngine } from '../../../adapters/image/index.ts'
import { preprocess } from '../../../adapters/node/index.ts'
import {
  BadConfiguration,
  BadInput,
  Cancelled,
  type Captured,
  DeadlineExceeded,
  type ImagePayload,
  type PixelsPayload,
  type Prepared,
  type Tensor,
  TooLarge,
  WrongShape,
} from '../../../pipeline/index.ts'
import { type ModelInput, modelInput } from '../../../stages/manage/index.ts'
import type { PictureEncoding } from '../../../stages/preprocess/index.ts'
import { assets, needsAssets } from '../../support/assets.ts'

const engine = imageEngine({ maxPixels: 4_000_000 })
const input = (fields: Partial<ModelInput> = {}): ModelInput =>
  modelInput.parse({ name: 'input', width: 64, height: 48, ...fields })
const captured = (bytes: Uint8Array): ImagePayload<'captured'> => ({ form: 'image', at: 'captured', bytes })

/** A picture with structure everywhere: no two regions alike, no symmetry. */
function scene(width: number, height: number, channels: 1 | 2 | 3 | 4 = 3): Sharp {
  const bytes = Buffer.alloc(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const wave = Math.sin(x / (12 + c * 3)) * Math.cos(y / (15 + c)) * 60
        bytes[(y * width + x) * channels + c] = Math.round(90 + wave + (x / width) * 60 + (y / height) * 40)
      }
    }
  }
  return sharp(bytes, { raw: { width, height, channels } })
}

let photo: Uint8Array
beforeAll(async () => {
  photo = await scene(500, 350).jpeg({ quality: 92 }).toBuffer()
})

/** The sequence that the engine documents, spelt out. */
async function plain(bytes: Uint8Array, to: ModelInput, encoding: PictureEncoding, quality = 85, remaining = to.crop) {
  const [width, height] = [Math.round(to.width / remaining), Math.round(to.height / remaining)]
  const image = sharp(bytes).autoOrient().resize(width, height, { fit: to.resize })
  if (width !== to.width || height !== to.height) {
    const [left, top] = [Math.floor((width - to.width) / 2), Math.floor((height - to.height) / 2)]
    image.extract({ left, top, width: to.width, height: to.height })
  }
  image.removeAlpha().toColourspace('srgb')
  if (encoding === 'jpeg') return image.jpeg({ quality }).toBuffer()
  if (encoding === 'webp') return image.webp({ quality }).toBuffer()
  return image.raw({ depth: 'uchar' }).toBuffer()
}

/** The tensor of raw bytes, the slow and obvious way. */
function plainTensor(rgb: Uint8Array, to: ModelInput): Uint8Array {
  const { width, height, mean, std } = to
  const values = new Float32Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const channel of [0, 1, 2] as const) {
        const byte = rgb[(y * width + x) * 3 + (to.channels === 'rgb' ? channel : 2 - channel)] as number
        const at = to.layout === 'NCHW' ? (channel * height + y) * width + x : (y * width + x) * 3 + channel
        values[at] = (byte - mean[channel]) / std[channel]
      }
    }
  }
  return new Uint8Array(values.buffer)
}

const bytesOf = (prepared: Prepared): Uint8Array =>
  prepared.form === 'tensors' ? (prepared.tensors[0] as Tensor).bytes : prepared.bytes
const expectEqual = (bytes: Uint8Array, expected: Uint8Array) => expect(Buffer.compare(bytes, expected)).toBe(0)
const tensorOf = (prepared: Prepared) => (prepared.form === 'tensors' ? prepared.tensors[0] : undefined) as Tensor

describe('for every encoding the result is that of the plain sequence, bit for bit', () => {
  const inputs: readonly [string, ModelInput][] = [
    ['cover', input()],
    ['cover, the central 87.5 %', input({ crop: 0.875 })],
    ['fill', input({ resize: 'fill' })],
    ['fill, the central half', input({ resize: 'fill', crop: 0.5 })],
    ['a larger input than the picture', input({ width: 600, height: 450, crop: 0.9 })],
  ]
  for (const [name, to] of inputs) {
    for (const encoding of ['jpeg', 'webp', 'raw'] as const) {
      test(`${name} as ${encoding}`, async () => {
        const prepared = await engine.prepare(captured(photo), to, { encoding })
        expect(prepared).toMatchObject({
          form: encoding === 'raw' ? 'pixels' : 'image',
          at: 'prepared',
          width: to.width,
          height: to.height,
          crop: to.crop,
        })
        expectEqual(bytesOf(prepared), await plain(photo, to, encoding))
      })
    }
    test(`${name} as tensor`, async () => {
      const prepared = await engine.prepare(captured(photo), to, { encoding: 'tensor' })
      expectEqual(bytesOf(prepared), plainTensor(await plain(photo, to, 'raw'), to))
    })
  }

  test('an encoded prepared picture becomes the tensor of its own pixels', async () => {
    const to = input({ crop: 0.875 })
    for (const encoding of ['jpeg', 'webp'] as const) {
      const travelling = await engine.prepare(captured(photo), to, { encoding, quality: 60 })
      const arrived = await engine.prepare(travelling, to, { encoding: 'tensor' })
      const pixels = await sharp(await plain(photo, to, encoding, 60))
        .removeAlpha()
        .raw()
        .toBuffer()
      expectEqual(bytesOf(arrived), plainTensor(pixels, to))
    }
  })

  test('raw pixels on the way give the very tensor that none on the way gives', async () => {
    const to = input({ crop: 0.875 })
    const travelling = await engine.prepare(captured(photo), to, { encoding: 'raw' })
    const arrived = await engine.prepare(travelling, to, { encoding: 'tensor' })
    expect(arrived).toEqual(await engine.prepare(captured(photo), to, { encoding: 'tensor' }))
  })

  test(`real photos of many sizes${needsAssets}`, async (context) => {
    if (assets === undefined) return context.skip()
    const folder = join(assets, 'images/flowers/daisy')
    const to = input({ width: 224, height: 224, crop: 0.875, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] })
    for (const file of readdirSync(folder).slice(0, 4)) {
      const bytes = readFileSync(join(folder, file))
      const prepared = await engine.prepare(captured(bytes), to, { encoding: 'tensor' })
      expectEqual(bytesOf(prepared), plainTensor(await plain(bytes, to, 'raw'), to))
    }
  })
})

describe('the tensor', () => {
  const variants: readonly Partial<ModelInput>[] = [
    { mean: [123.7, 116.3, 103.5], std: [58.4, 57.1, 57.4] },
    { layout: 'NHWC', mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] },
    { channels: 'bgr', mean: [103.5, 116.3, 123.7] },
    { layout: 'NHWC', channels: 'bgr', std: [255, 128, 64] },
  ]
  for (const variant of variants) {
    test(`follows the model's description: ${JSON.stringify(variant)}`, async () => {
      const to = input(variant)
      const tensor = tensorOf(await engine.prepare(captured(photo), to, { encoding: 'tensor' }))
      expect(tensor).toMatchObject({
        name: 'input',
        type: 'float32',
        shape: to.layout === 'NCHW' ? [1, 3, 48, 64] : [1, 48, 64, 3],
      })
      expectEqual(tensor.bytes, plainTensor(await plain(photo, to, 'raw'), to))
    })
  }

  test('of a uint8 input holds the bytes themselves, or their rounded and clamped images', async () => {
    const nhwc = input({ type: 'uint8', layout: 'NHWC' })
    const rgb = await plain(photo, nhwc, 'raw')
    const plainBytes = tensorOf(await engine.prepare(captured(photo), nhwc, { encoding: 'tensor' }))
    expect(plainBytes.type).toBe('uint8')
    expectEqual(plainBytes.bytes, rgb)
    const shifted = input({ type: 'uint8', layout: 'NHWC', mean: [200, 0, -200], std: [1, 2, 1] })
    const { bytes } = tensorOf(await engine.prepare(captured(photo), shifted, { encoding: 'tensor' }))
    const clamp = (value: number) => Math.max(0, Math.min(255, Math.round(value)))
    const map = [(byte: number) => byte - 200, (byte: number) => byte / 2, (byte: number) => byte + 200]
    const expected = rgb.map((byte, at) => clamp(map[at % 3]?.(byte) ?? 0))
    expectEqual(bytes, expected)
  })
})

describe('whatever the file holds, three 8-bit sRGB channels come out', () => {
  const files: readonly [string, () => Promise<Buffer>][] = [
    ['grey JPEG', () => scene(200, 150, 1).toColourspace('b-w').jpeg().toBuffer()],
    ['RGBA PNG', () => scene(200, 150, 4).png().toBuffer()],
    ['16-bit PNG', () => scene(200, 150).toColourspace('rgb16').png().toBuffer()],
    ['16-bit grey PNG', () => scene(200, 150, 1).toColourspace('grey16').png().toBuffer()],
    ['CMYK JPEG', () => scene(200, 150).toColourspace('cmyk').jpeg().toBuffer()],
    ['palette PNG', () => scene(200, 150).png({ palette: true }).toBuffer()],
    ['WebP with alpha', () => scene(200, 150, 4).webp().toBuffer()],
    ['AVIF', () => scene(200, 150).avif({ effort: 0 }).toBuffer()],
    ['GIF', () => scene(200, 150).gif().toBuffer()],
    ['TIFF', () => scene(200, 150).tiff().toBuffer()],
  ]
  for (const [name, make] of files) {
    test(name, async () => {
      const bytes = await make()
      const to = input({ crop: 0.8 })
      const pixels = await engine.prepare(captured(bytes), to, { encoding: 'raw' })
      expect(bytesOf(pixels).byteLength).toBe(64 * 48 * 3)
      expect(new Set(bytesOf(pixels)).size).toBeGreaterThan(20)
      const jpeg = await engine.prepare(captured(bytes), to, { encoding: 'jpeg' })
      expect(await sharp(bytesOf(jpeg)).metadata()).toMatchObject({ space: 'srgb', channels: 3, depth: 'uchar' })
    })
  }
})

describe('orientation', () => {
  test('a picture taken with a turned camera is the same as one turned upright', async () => {
    const upright = await scene(300, 200).png().toBuffer()
    const turned = await sharp(upright).rotate(270).withMetadata({ orientation: 6 }).png().toBuffer()
    const to = input({ crop: 0.8 })
    expect(await engine.measure(turned)).toEqual({ width: 300, height: 200 })
    const [a, b] = await Promise.all(
      [upright, turned].map((bytes) => engine.prepare(captured(bytes), to, { encoding: 'raw' })),
    )
    const difference = bytesOf(a as Prepared).map((byte, at) => Math.abs(byte - (bytesOf(b as Prepared)[at] as number)))
    expect(Math.max(...difference)).toBeLessThanOrEqual(2)
  })

  test('a prepared picture is not turned again', async () => {
    const turned = await scene(200, 300).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const prepared = await engine.prepare(captured(turned), input(), { encoding: 'jpeg' })
    expect((await sharp(bytesOf(prepared)).metadata()).orientation).toBeUndefined()
    expect(await engine.measure(bytesOf(prepared))).toEqual({ width: 64, height: 48 })
  })
})

describe('a prepared picture', () => {
  const large = input({ width: 160, height: 120, crop: 0.9 })

  test('of the right size is passed on as it is when it is asked for encoded', async () => {
    const prepared = await engine.prepare(captured(photo), large, { encoding: 'webp' })
    const again = await engine.prepare(prepared, large, { encoding: 'jpeg' })
    expect(again).toEqual(prepared)
    expect(bytesOf(again)).toBe(bytesOf(prepared))
    const { width: _w, height: _h, ...unsized } = prepared as ImagePayload<'prepared'>
    expect(await engine.prepare(unsized, large, { encoding: 'jpeg' })).toEqual(prepared)
  })

  test('for a larger input is resized for a smaller one, and only what remains of the crop is cut', async () => {
    const small = input({ crop: 0.6 })
    const prepared = await engine.prepare(captured(photo), large, { encoding: 'raw' })
    const smaller = await engine.prepare(prepared, small, { encoding: 'raw' })
    expect(smaller).toMatchObject({ width: 64, height: 48, crop: 0.6 })
    const pixels = sharp(bytesOf(prepared), { raw: { width: 160, height: 120, channels: 3 } })
    const [width, height] = [Math.round(64 / (0.6 / 0.9)), Math.round(48 / (0.6 / 0.9))]
    const expected = await pixels
      .resize(width, height, { fit: 'cover' })
      .extract({ left: Math.floor((width - 64) / 2), top: Math.floor((height - 48) / 2), width: 64, height: 48 })
      .raw()
      .toBuffer()
    expectEqual(bytesOf(smaller), expected)
  })

  test('shows nearly what the captured one shows, prepared for the smaller input at once', async () => {
    const small = input({ crop: 0.6 })
    const prepared = await engine.prepare(captured(photo), large, { encoding: 'raw' })
    const twice = bytesOf(await engine.prepare(prepared, small, { encoding: 'raw' }))
    const once = bytesOf(await engine.prepare(captured(photo), small, { encoding: 'raw' }))
    const off = once.reduce((sum, byte, at) => sum + Math.abs(byte - (twice[at] as number)), 0) / once.length
    expect(off).toBeLessThan(6)
  })

  test('cropped more than the input wants is resized and cut no further', async () => {
    const prepared = await engine.prepare(captured(photo), input({ crop: 0.5 }), { encoding: 'raw' })
    const wide = await engine.prepare(prepared, input({ width: 32, height: 24, crop: 0.9 }), { encoding: 'raw' })
    expect(wide).toMatchObject({ width: 32, height: 24, crop: 0.5 })
    const expected = await sharp(bytesOf(prepared), { raw: { width: 64, height: 48, channels: 3 } })
      .resize(32, 24, { fit: 'cover' })
      .raw()
      .toBuffer()
    expectEqual(bytesOf(wide), expected)
  })

  test('that is a tensor already passes when it fits the model, and is refused when it does not', async () => {
    const prepared = await engine.prepare(captured(photo), input(), { encoding: 'tensor' })
    expect(await engine.prepare(prepared, input(), { encoding: 'tensor' })).toBe(prepared)
    for (const other of [input({ width: 32 }), input({ layout: 'NHWC' }), input({ type: 'uint8' })]) {
      await expect(engine.prepare(prepared, other, { encoding: 'tensor' })).rejects.toThrow(WrongShape)
    }
  })
})

describe('captured pixels', () => {
  test('are prepared as the same picture in a file is', async () => {
    const png = await scene(300, 200).png().toBuffer()
    const bytes = await sharp(png).raw().toBuffer()
    const pixels: PixelsPayload<'captured'> = { form: 'pixels', at: 'captured', bytes, width: 300, height: 200 }
    for (const encoding of ['jpeg', 'raw', 'tensor'] as const) {
      const a = await engine.prepare(pixels, input({ crop: 0.8 }), { encoding })
      expect(a).toEqual(await engine.prepare(captured(png), input({ crop: 0.8 }), { encoding }))
    }
  })
})

describe('memory', () => {
  test('results are alone in their memory, and tensors lie on the boundary of their elements', async () => {
    for (const encoding of ['jpeg', 'webp', 'raw', 'tensor'] as const) {
      const bytes = bytesOf(await engine.prepare(captured(photo), input(), { encoding }))
      expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
      expect(bytes.byteOffset).toBe(0)
    }
  })
})

describe('what cannot be prepared ends in a named error that says what to do', () => {
  const jpeg = async () => photo
  const bomb = () =>
    sharp({ create: { width: 2100, height: 2000, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
  const of = (bytes: Uint8Array): Captured => captured(bytes)
  const raw = (fields: Partial<PixelsPayload<'captured'>>): Captured => ({
    form: 'pixels',
    at: 'captured',
    bytes: new Uint8Array(12),
    width: 2,
    height: 2,
    ...fields,
  })
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
  /** A file of boxes of these brands, as HEIF and MP4 are. */
  const boxed = (...brands: string[]) =>
    of(
      Buffer.concat([
        Buffer.from([0, 0, 0, 8 + 4 * brands.length]),
        Buffer.from(`ftyp${brands.join('')}`),
        Buffer.alloc(99),
      ]),
    )
  /** The JPEG with another frame: its marker, and bits a sample. */
  const framed = async (marker: number, precision = 8) => {
    const bytes = Uint8Array.from(await jpeg())
    const at = bytes.findIndex(
      (byte, index) => byte === 0xff && (bytes[index + 1] === 0xc0 || bytes[index + 1] === 0xc2),
    )
    bytes[at + 1] = marker
    bytes[at + 4] = precision
    return of(bytes)
  }
  const broken = async (name: 'png' | 'webp' | 'gif' | 'avif' | 'tiff') => {
    const bytes = await scene(99, 99)[name]().toBuffer()
    return of(bytes.map((byte, at) => (at > 60 && at < bytes.length - 40 && at % 3 === 0 ? byte ^ 0x55 : byte)))
  }
  const noAnswerOfOurs = /not a picture that is decoded here/
  const cases: readonly [string, () => Promise<Captured | Prepared>, new (message: string) => Error, RegExp][] = [
    [
      'a HEIC photo',
      async () => boxed('heic', '\0\0\0\0', 'mif1', 'heic'),
      BadInput,
      /are HEIC, not a picture that is decoded here. Convert it to JPEG.*Most Compatible/,
    ],
    [
      'a film in MP4',
      async () => boxed('isom', '\0\0\x02\0', 'isom', 'mp41'),
      BadInput,
      /are video \(MP4.*Take single pictures/,
    ],
    [
      'a film in WebM',
      async () => of(Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3])),
      BadInput,
      /are video \(Matroska or WebM\)/,
    ],
    ['a camera raw', async () => boxed('crx ', '\0\0\0\x01'), BadInput, /camera raw/],
    ['a JPEG of 12 bits', () => framed(0xc1, 12), BadInput, /it is a jpeg of 12 bits a sample, which is not read here/],
    ['a lossless JPEG', () => framed(0xc3), BadInput, /it is a lossless jpeg, which is not read here/],
    ['a PDF', async () => of(Buffer.from('%PDF-1.7\n')), BadInput, /are PDF, not a picture.*Draw its pages/],
    [
      'a BMP',
      async () =>
        of(Buffer.concat([Buffer.from('BM'), Buffer.alloc(12), Buffer.from([40, 0, 0, 0]), Buffer.alloc(40)])),
      BadInput,
      /are BMP.*Convert/,
    ],
    ['an icon', async () => of(Buffer.from([0, 0, 1, 0, 1, 0, 16, 16])), BadInput, /are icon \(ICO\)/],
    ['a web page', async () => of(Buffer.from('<!DOCTYPE html><html>')), BadInput, /web page.*answered with an error/],
    ['JSON', async () => of(Buffer.from('{"error": 404}')), BadInput, /are JSON, not a picture/],
    [
      'base64',
      async () => of(Buffer.from(Buffer.from(await jpeg()).toString('base64'))),
      BadInput,
      /written as text.*Decode it/,
    ],
    ['an archive', async () => of(Buffer.from('PK\x03\x04....')), BadInput, noAnswerOfOurs],
    [
      'noise',
      async () => of(Uint8Array.from({ length: 999 }, (_, at) => (at * 37 + 11) % 256)),
      BadInput,
      /not a picture of a known format/,
    ],
    [
      'a PNG that is damaged',
      () => broken('png'),
      BadInput,
      /The png picture .* cannot be decoded: its data is damaged, or of a kind of png/,
    ],
    [
      'an AVIF that is damaged',
      () => broken('avif'),
      BadInput,
      /The avif picture .* cannot be decoded: its data is damaged/,
    ],
    [
      'a GIF cut off',
      async () => of((await scene(99, 99).gif().toBuffer()).subarray(0, 1500)),
      BadInput,
      /gif picture.*cut off/,
    ],
    [
      'an AVIF cut off',
      async () => of((await scene(99, 99).avif({ effort: 0 }).toBuffer()).subarray(0, 600)),
      BadInput,
      /avif picture.*cut off/,
    ],
    ['nothing', async () => of(new Uint8Array()), BadInput, /empty/],
    ['a text', async () => of(Buffer.from('Dear sir or madam')), BadInput, /text, not a picture.*jpeg, png/],
    ['an SVG, which is a program', async () => of(Buffer.from(svg)), BadInput, /not a picture/],
    ['a JPEG cut off', async () => of((await jpeg()).subarray(0, 10_000)), BadInput, /cut off.*again/],
    ['a PNG cut off', async () => of((await scene(99, 99).png().toBuffer()).subarray(0, 500)), BadInput, /cut off/],
    ['a WebP cut off', async () => of((await scene(99, 99).webp().toBuffer()).subarray(0, 500)), BadInput, /cut off/],
    ['a head without a body', async () => of((await jpeg()).subarray(0, 30)), BadInput, /cannot be decoded/],
    ['a picture beyond the bound', async () => of(await bomb()), TooLarge, /2100 × 2000.*4000000/],
    ['pixels of another size than they say', async () => raw({ width: 3 }), BadInput, /18 bytes.*12 arrived/],
    ['pixels of no size', async () => raw({ width: 0 }), BadInput, /at least 1 × 1/],
    ['pixels beyond the bound', async () => raw({ width: 1e6, height: 1e6 }), TooLarge, /maxPixels/],
    ['a crop of nothing', async () => ({ ...raw({}), at: 'prepared', crop: 0 }) as Prepared, BadInput, /crop 0/],
  ]
  for (const [name, make, kind, sentence] of cases) {
    test(name, async () => {
      const picture = await make()
      const failure = engine.prepare(picture, input(), { encoding: 'tensor' })
      await expect(failure).rejects.toThrow(kind)
      await expect(failure).rejects.toThrow(sentence)
      // The next picture is not affected.
      await engine.prepare(captured(photo), input(), { encoding: 'tensor' })
    })
  }

  test('an aborted signal ends the work as Cancelled, before it begins and while it goes on', async () => {
    const before = engine.prepare(captured(photo), input(), { encoding: 'raw', signal: AbortSignal.abort() })
    await expect(before).rejects.toThrow(Cancelled)
    const controller = new AbortController()
    const during = engine.prepare(captured(photo), input(), { encoding: 'raw', signal: controller.signal })
    controller.abort()
    await expect(during).rejects.toThrow(Cancelled)
  })

  test('a quality or a bound that makes no sense is refused', async () => {
    expect(() => imageEngine({ quality: 0 })).toThrow(BadConfiguration)
    expect(() => imageEngine({ maxPixels: -1 })).toThrow(BadConfiguration)
    const prepare = engine.prepare(captured(photo), input(), { encoding: 'jpeg', quality: 101 })
    await expect(prepare).rejects.toThrow(BadConfiguration)
  })

  test('no reason is that of another picture in flight, nor damage that is none', async () => {
    const small = await scene(60, 40).png().toBuffer()
    const kinds: readonly (readonly [RegExp, () => Promise<Captured | Prepared>])[] = [
      [/^The jpeg picture.*cut off/, async () => of(photo.subarray(0, 5000))],
      [/^The png picture.*cut off/, async () => of(small.subarray(0, small.length - 30))],
      [/^The webp picture.*cut off/, async () => of((await scene(60, 40).webp().toBuffer()).subarray(0, 200))],
      [/a jpeg of 12 bits/, () => framed(0xc1, 12)],
      [/2100 × 2000/, async () => of(await bomb())],
    ]
    const pictures = await Promise.all(kinds.map(([, make]) => make()))
    const reasons = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        engine.prepare(pictures[n % kinds.length] as Captured, input(), { encoding: 'raw' }).then(
          () => 'prepared',
          (error: Error) => error.message,
        ),
      ),
    )
    const others = reasons.filter((reason, n) => !kinds[n % kinds.length]?.[0].test(reason))
    expect(others).toEqual([])
  })

  test('what takes too long is said to, with the bound: it is not damaged', async () => {
    const hasty = imageEngine({ patience: 1000 })
    const noisy = Buffer.from(Uint8Array.from({ length: 300 * 300 * 3 }, (_, at) => (at * at * 31) % 251))
    const sharpened = await sharp(noisy, { raw: { width: 300, height: 300, channels: 3 } })
      .png()
      .toBuffer()
    const slow = hasty.prepare(of(sharpened), input({ width: 8192, height: 8192 }), { encoding: 'webp', quality: 100 })
    await expect(slow).rejects.toThrow(DeadlineExceeded)
    await expect(slow).rejects.toThrow(/not decoded and resized within 1 s.*patience/)
  })

  test('measuring fails by the same names', async () => {
    await expect(engine.measure(new Uint8Array())).rejects.toThrow(BadInput)
    await expect(engine.measure(photo.subarray(0, 30))).rejects.toThrow(BadInput)
    await expect(engine.measure(await bomb())).rejects.toThrow(TooLarge)
  })
})

describe('how large a picture may be', () => {
  const flat = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: 'teal' }, limitInputPixels: false })
  const to = input({ width: 32, height: 32 })

  /** A grey JPEG of any size, in a moment: with the standard tables four blocks without any detail are three bytes. */
  async function grey(width: number, height: number): Promise<Uint8Array> {
    const one = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
      .toColourspace('b-w')
      .jpeg({ optimiseCoding: false })
      .toBuffer()
    const frame = one.indexOf(Buffer.from([0xff, 0xc0]))
    one.writeUInt16BE(height, frame + 5)
    one.writeUInt16BE(width, frame + 7)
    const scan = one.indexOf(Buffer.from([0xff, 0xda]))
    const blocks = Math.ceil(width / 8) * Math.ceil(height / 8)
    const data = Buffer.alloc(Math.ceil((blocks * 3) / 4), Buffer.from([0x28, 0xa2, 0x8a]))
    return Buffer.concat([one.subarray(0, scan + 2 + one.readUInt16BE(scan + 2)), data, Buffer.from([0xff, 0xd9])])
  }

  test('what telephones take, to 200 megapixels, passes by default', async () => {
    const engine = imageEngine()
    for (const [width, height] of [
      [8165, 6136],
      [12_000, 9000],
      [16_320, 12_240],
    ] as const) {
      const photo = await grey(width, height)
      const { bytes } = (await engine.prepare(captured(photo), to, { encoding: 'raw' })) as PixelsPayload
      expect(new Set(bytes)).toEqual(new Set([128]))
      expect(await engine.measure(photo)).toEqual({ width, height })
    }
  }, 60_000)

  test('is bounded by the memory that its kind takes, and the sentence names the option', async () => {
    const engine = imageEngine({ maxMemory: 8 * 2 ** 20 })
    const [baseline, progressive, interlaced, webp] = await Promise.all([
      flat(2000, 1500).jpeg().toBuffer(),
      flat(2000, 1500).jpeg({ progressive: true }).toBuffer(),
      flat(2000, 1500).png({ progressive: true }).toBuffer(),
      flat(2000, 1500).webp().toBuffer(),
    ])
    const prepare = (bytes: Uint8Array) => engine.prepare(captured(bytes), to, { encoding: 'raw' })
    await prepare(baseline)
    await prepare(await flat(2000, 1500).png().toBuffer())
    await expect(prepare(progressive)).rejects.toThrow(/progressive jpeg of 2000 × 1500.*9000000 bytes.*maxMemory/)
    await expect(prepare(interlaced)).rejects.toThrow(/interlaced png/)
    await expect(prepare(webp)).rejects.toThrow(TooLarge)
    await imageEngine({ maxMemory: 16 * 2 ** 20 }).prepare(captured(webp), to, { encoding: 'raw' })
  })
})

describe('what holds for the whole process', () => {
  test('the library’s threads are set where an engine is told so, and by no other', () => {
    const before = sharp.concurrency()
    imageEngine()
    expect(sharp.concurrency()).toBe(before)
    const images = imageEngine({ concurrency: 3 })
    imageEngine()
    preprocess({ images })
    preprocess()
    expect(sharp.concurrency()).toBe(3)
    imageEngine({ concurrency: 3 })
    expect(() => imageEngine({ concurrency: 2 })).toThrow(/3 threads, which holds for the whole process/)
    expect(sharp.concurrency()).toBe(3)
  })
})
