import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { catalogue } from '../../../adapters/catalogue/index.ts'
import { measureFidelity, samples } from '../../../adapters/cli/fidelity.ts'
import { drawPicture } from '../../../examples/zoo/draw/picture.ts'
import { zooFolder } from '../../../examples/zoo/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

const folder = temporaryFolder()

/** Small labelled pictures, `DIR/LABEL/N.jpg`. */
async function draw(count: number): Promise<string> {
  const at = join(folder, 'pictures')
  for (let n = 0; n < count; n++) {
    const label = n % 2 === 0 ? 'mug' : 'key'
    const { jpeg } = await drawPicture({ seed: 40 + n, label, width: 160, height: 120 })
    mkdirSync(join(at, label), { recursive: true })
    writeFileSync(join(at, label, `${n}.jpg`), jpeg)
  }
  return at
}

describe('what a model keeps with an encoding', () => {
  it('is measured per encoding and per layer, by labels or by agreement, and passes the catalogue’s schema', async () => {
    const models = catalogue(zooFolder)
    const all = await samples(await draw(8), 6)
    expect(all.map(({ label }) => label)).toEqual(['key', 'mug', 'key', 'mug', 'key', 'mug'])
    const entry = models.entry('nano')
    const layers = [entry.cuts?.[0]?.layer ?? '']
    const options = {
      pictures: ['jpeg:5', 'jpeg:95', 'jpeg:95:444'],
      layers,
      splits: { folder: join(folder, 'splits') },
    }
    const unlabelled = all.map((one) => ({ ...one, label: undefined }))
    const found = await measureFidelity(entry, models.source('nano'), { ...options, samples: unlabelled })
    expect(found.map(({ cut, encoding, by }) => `${cut} ${encoding} ${by}`)).toEqual([
      'prepared jpeg:5 agreement',
      'prepared jpeg:95 agreement',
      'prepared jpeg:95:444 agreement',
      ...['float16', 'uint8', 'uint8-per-channel'].map((name) => `after:${layers[0]} ${name} agreement`),
    ])
    const bytes = (encoding: string) => found.find((one) => one.encoding === encoding)?.bytes ?? 0
    expect(bytes('jpeg:5')).toBeLessThan(bytes('jpeg:95'))
    expect(bytes('jpeg:95')).toBeLessThan(bytes('jpeg:95:444'))
    expect(bytes('uint8')).toBeLessThan(bytes('float16'))
    expect(found.find(({ encoding }) => encoding === 'float16')?.keeps).toBe(1)

    const own = join(folder, 'zoo')
    cpSync(zooFolder, own, { recursive: true })
    const file = join(own, 'catalogue.json')
    const content = JSON.parse(readFileSync(file, 'utf8')) as { models: { id: string; fidelity?: unknown }[] }
    for (const one of content.models) if (one.id === 'nano') one.fidelity = found
    writeFileSync(file, JSON.stringify(content))
    expect(catalogue(own).entry('nano').fidelity).toEqual(found)
    for (const encoding of catalogue(own).encodings?.('nano') ?? []) expect(encoding).toMatch(/^jpeg:/)
  })

  it('is not measured without pictures', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    await expect(samples(empty, 5)).rejects.toThrow('There are no pictures')
  })
})

describe('a prepared JPEG', () => {
  it('has all of its colour where the encoding says so', async () => {
    const { imageEngine } = await import('../../../adapters/image/index.ts')
    const { jpeg } = await drawPicture({ seed: 1, label: 'mug', width: 160, height: 120 })
    const input = catalogue(zooFolder).entry('nano').input
    const picture = { form: 'image', at: 'captured', bytes: jpeg } as const
    for (const [subsampling, is] of [
      [undefined, '4:2:0'],
      ['420', '4:2:0'],
      ['444', '4:4:4'],
    ] as const) {
      const made = await imageEngine().prepare(picture, input, { encoding: 'jpeg', quality: 90, subsampling })
      if (made.form !== 'image') throw new Error('no image')
      expect((await sharp(made.bytes).metadata()).chromaSubsampling).toBe(is)
    }
  })
})
