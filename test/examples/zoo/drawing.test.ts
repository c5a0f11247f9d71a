import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { DrawingError, drawPicture, LABELS, type Label, type Mix, pictures } from '../../../examples/zoo/index.ts'

const SMALL: Mix = [{ share: 1, megapixels: [0.05, 0.1] }]

async function all(options: Parameters<typeof pictures>[0]) {
  const drawn = []
  for await (const picture of pictures(options)) drawn.push(picture)
  return drawn
}

describe('drawPicture', () => {
  it('gives the same bytes for the same seed and other bytes for another', async () => {
    const [a, again, b] = await Promise.all([3, 3, 4].map((seed) => drawPicture({ seed, width: 200, height: 150 })))
    expect(again).toEqual(a)
    expect(b?.jpeg).not.toEqual(a?.jpeg)
  })

  it('draws every label, as a JPEG of the size asked for', async () => {
    for (const label of LABELS) {
      const drawn = await drawPicture({ seed: 1, label, width: 160, height: 120 })
      const { format, width, height } = await sharp(drawn.jpeg).metadata()
      expect({ label: drawn.label, format, width, height }).toEqual({ label, format: 'jpeg', width: 160, height: 120 })
    }
  })

  it('draws unlike pictures for unlike labels of one seed', async () => {
    const drawn = await Promise.all(LABELS.map((label) => drawPicture({ seed: 8, label, width: 64, height: 64 })))
    expect(new Set(drawn.map(({ jpeg }) => Buffer.from(jpeg).toString('base64'))).size).toBe(LABELS.length)
  })

  it('stores a lying picture on its side, with the orientation that turns it upright', async () => {
    const options = { seed: 5, width: 320, height: 240, grain: 0, quality: 95 }
    const [lying, upright] = [await drawPicture({ ...options, lying: true }), await drawPicture(options)]
    const { width, height, orientation } = await sharp(lying.jpeg).metadata()
    expect({ width, height, orientation }).toEqual({ width: 240, height: 320, orientation: 6 })

    const turned = await sharp(lying.jpeg).autoOrient().raw().toBuffer()
    const expected = await sharp(upright.jpeg).raw().toBuffer()
    const apart = expected.reduce((sum, value, i) => sum + Math.abs(value - (turned[i] ?? 0)), 0) / expected.length
    expect(apart).toBeLessThan(3)
  })

  it.each([
    [{ seed: 1, width: 10 }, 'from 32 to 8192'],
    [{ seed: 1, height: 99.5 }, 'from 32 to 8192'],
    [{ seed: 1, quality: 0 }, 'from 1 to 100'],
    [{ seed: 1, label: 'unicorn' as Label }, 'choose one of bicycle'],
  ])('refuses %j by name', async (options, sentence) => {
    const failed = drawPicture(options)
    await expect(failed).rejects.toThrow(DrawingError)
    await expect(failed).rejects.toThrow(sentence)
  })
})

describe('pictures', () => {
  it('gives picture i of a seed whatever the count, under names of their own', async () => {
    const [few, more] = [await all({ count: 3, seed: 11, mix: SMALL }), await all({ count: 6, seed: 11, mix: SMALL })]
    expect(more.slice(0, 3)).toEqual(few)
    expect(new Set(more.map(({ name }) => name)).size).toBe(6)
  })

  it('reads from its cache what it drew before', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'zoo-'))
    try {
      const first = await all({ count: 4, seed: 12, mix: SMALL, cache })
      const files = (await readdir(cache, { recursive: true })).filter((path) => path.endsWith('.jpg'))
      expect(files).toHaveLength(4)
      expect(await all({ count: 4, seed: 12, mix: SMALL, cache })).toEqual(
        first.map((picture) => ({ ...picture, jpeg: Buffer.from(picture.jpeg) })),
      )
    } finally {
      await rm(cache, { recursive: true })
    }
  })

  it('ends when its reader leaves', async () => {
    let taken = 0
    for await (const _ of pictures({ count: 1000, seed: 13, mix: SMALL })) if (++taken === 2) break
    expect(taken).toBe(2)
  })

  it('refuses a count that is no whole number and a mix without a share', async () => {
    await expect(all({ count: 1.5, seed: 1 })).rejects.toThrow(RangeError)
    await expect(all({ count: 1, seed: 1, mix: [] })).rejects.toThrow(RangeError)
  })
})
