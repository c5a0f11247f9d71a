import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogue } from '../../../adapters/catalogue/index.ts'
import { run } from '../../../adapters/cli/program.ts'
import { asset, haveAssets } from '../onnx/graph/assets.ts'
import { type Draft, node, weights, write } from '../onnx/graph/build.ts'
import { folder } from '../onnx/graph/folder.ts'

const at = folder()
const cache = process.env.XDG_CACHE_HOME

beforeAll(() => {
  process.env.XDG_CACHE_HOME = at('cache')
})
afterAll(() => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME
  else process.env.XDG_CACHE_HOME = cache
})

const draft: Draft = {
  inputs: { x: ['N', 64] },
  outputs: { d: ['N', 10] },
  nodes: [node('Gemm', 'x w', 'a'), node('Relu', 'a', 'b'), node('Gemm', 'b v', 'c'), node('Softmax', 'c', 'd')],
  weights: [weights('w', [64, 16]), weights('v', [16, 10])],
}

/** What the program writes for these arguments. */
async function quintet(...args: readonly string[]): Promise<{ code: number; out: string; notes: string }> {
  const written: string[] = []
  const notes: string[] = []
  const code = await run(args, { write: (text) => written.push(text), note: (text) => notes.push(text) })
  return { code, out: written.join('\n'), notes: notes.join('\n') }
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse((await quintet(...args, '--json')).out) as Record<string, unknown>
}

describe('quintet cuts', () => {
  async function described(sha256?: string): Promise<{ folder: string; file: string }> {
    const made = at('models')
    await mkdir(made, { recursive: true })
    const path = await write(join(made, 'm.onnx'), draft)
    const content = await readFile(path)
    const entry = {
      id: 'm',
      file: 'm.onnx',
      sha256: sha256 ?? createHash('sha256').update(content).digest('hex'),
      bytes: content.length,
      input: { name: 'x', width: 8, height: 8 },
      output: { name: 'd' },
      labels: ['yes', 'no'],
      accuracy: 0.5,
      licence: 'MIT',
    }
    const file = join(made, 'catalogue.json')
    await writeFile(file, JSON.stringify({ version: 1, models: [entry] }))
    return { folder: made, file }
  }

  it('writes the cuts of each model into the catalogue, and leaves the rest as it is', async () => {
    const { folder: made, file } = await described()
    const before = JSON.parse(await readFile(file, 'utf8'))
    expect(await quintet('cuts', made)).toMatchObject({ code: 0, out: expect.stringMatching(/m +3 +40 B/) })
    const after = JSON.parse(await readFile(file, 'utf8'))
    const { cuts, ...rest } = after.models[0]
    expect([rest]).toEqual(before.models)
    expect(catalogue(made).cuts?.('m')).toEqual(['after:a', 'after:b', 'after:c'])
    expect(cuts.map(({ bytes }: { bytes: number }) => bytes)).toEqual([64, 64, 40])
  })

  it('go on past a model that cannot be read, and say what it lacks', async () => {
    const made = at('folder')
    await mkdir(made, { recursive: true })
    const free: Draft = {
      inputs: { x: ['N', 3, 'H', 'W'], other: ['N', 'T'] },
      outputs: { y: ['N', 3, 'H', 'W'] },
      nodes: [node('Relu', 'x', 'a'), node('ReduceSum', 'other', 's', { keepdims: 0 }), node('Add', 'a s', 'y')],
    }
    const sized: Draft = {
      inputs: { x: ['N', 3, 'H', 'W'] },
      outputs: { d: ['N', 3, 'H', 'W'] },
      nodes: [node('Relu', 'x', 'a'), node('MaxPool', 'a', 'b', { kernel_shape: [2, 2] }), node('Neg', 'b', 'd')],
    }
    const models = []
    for (const [id, one] of Object.entries({ free, sized })) {
      const content = await readFile(await write(join(made, `${id}.onnx`), one))
      const sha256 = createHash('sha256').update(content).digest('hex')
      const input = { name: 'x', width: 6, height: 4 }
      const entry = { id, file: `${id}.onnx`, sha256, bytes: content.length, input, output: { name: 'd' } }
      models.push({ ...entry, labels: ['yes', 'no'], accuracy: 0.5, licence: 'MIT' })
    }
    await writeFile(join(made, 'catalogue.json'), JSON.stringify({ version: 1, models }))
    const listed = async () => JSON.parse(await readFile(join(made, 'catalogue.json'), 'utf8')).models

    const { code, out, notes } = await quintet('cuts', made)
    expect(code).toBe(1)
    expect(notes).toMatch(/free: Dimension 1 \("T"\) of the input "other" is free/)
    expect(out).toMatch(/sized +2/)
    const [one, two] = await listed()
    expect(one.cuts).toBeUndefined()
    // Height and width are the entry's: 1 × 3 × 4 × 6 floats.
    expect(two.cuts.map(({ layer, bytes }: { layer: string; bytes: number }) => [layer, bytes])).toEqual([
      ['a', 288],
      ['b', 180],
    ])
    expect(await quintet('cuts', made, '--dim', 'T=5')).toMatchObject({ code: 0 })
    expect((await listed())[0].cuts).toBeDefined()
    expect((await quintet('cuts', made, '--dim', 'T=5', '--dim', 'Q=5')).notes).toContain('free dimension "Q"')
  })

  it('changes nothing when a file is not the one described', async () => {
    const { folder: made, file } = await described('0'.repeat(64))
    const before = await readFile(file, 'utf8')
    expect(await quintet('cuts', made)).toMatchObject({ code: 1, notes: expect.stringMatching(/sha256/) })
    expect(await readFile(file, 'utf8')).toBe(before)
  })
})

describe('quintet inspect', () => {
  it('lists layers with their cuts, those on the lower envelope starred', async () => {
    const { code, out } = await quintet('inspect', await write(at('m.onnx'), draft))
    expect(code).toBe(0)
    expect(out).toMatch(/a +Gemm +1×16 +1\.0 k +1\.0 k +64 B +\d.*✂ 64 B/)
    expect(out).toMatch(/b +Relu .*★ 64 B/)
    expect(out).toContain('3 cuts (✂), 2 of them on the lower envelope (★)')
  })

  it('says the same as JSON, and takes sizes of free dimensions', async () => {
    const path = await write(at('m.onnx'), draft)
    expect(await json('inspect', path, '--dim', 'N=4')).toMatchObject({
      macs: 4 * (64 * 16 + 160),
      times: 'predicted',
      layers: [{ name: 'a', kind: 'Gemm', outputBytes: 256 }, { name: 'b' }, { name: 'c' }, { name: 'd' }],
      cuts: [
        { name: 'a', bytes: 256, envelope: false },
        { name: 'b', envelope: true },
        { name: 'c', bytes: 160 },
      ],
    })
  })

  it.skipIf(!haveAssets)('marks AlexNet’s pool5', { timeout: 120_000 }, async () => {
    const { cuts } = await json('inspect', asset('graphs/light_bvlc_alexnet.onnx'))
    expect(cuts).toContainEqual(expect.objectContaining({ label: 'pool5', bytes: 36_864, envelope: true }))
  })
})

describe('quintet split', () => {
  it('writes head and tail, and names what crosses', async () => {
    const path = await write(at('cut.onnx'), draft)
    const done = await json('split', path, '--after', 'b', '-o', at('parts'))
    expect(done).toMatchObject({ cut: 'b', bytes: 64, crossing: [{ name: 'b', shape: [1, 16] }] })
    expect((await readdir(at('parts'))).sort()).toEqual(['cut.b.head.onnx', 'cut.b.tail.onnx'])
    expect(await json('inspect', at('parts', 'cut.b.tail.onnx'))).toMatchObject({
      layers: [{ name: 'c' }, { name: 'd' }],
    })
  })

  it('writes nothing when the cut does not exist or is not named', async () => {
    const path = await write(at('cut.onnx'), draft)
    const wrong = await quintet('split', path, '--after', 'pool5', '-o', at('nothing'))
    expect(wrong).toMatchObject({ code: 1, out: '' })
    expect(wrong.notes).toContain('no layer "pool5". Use one of b, c')
    expect((await quintet('split', path, '-o', at('nothing'))).notes).toContain('--after LAYER')
    expect(await readdir(at('nothing')).catch(() => 'absent')).toBe('absent')
  })
})

describe('quintet plan', () => {
  it('has the ends as well as the cuts, and marks the fastest', async () => {
    const path = await write(at('plan.onnx'), draft)
    const planned = await json('plan', path, '--uplink', '1kbps', '--rtt', '10ms', '--device', '3x')
    const names = (planned.choices as { name: string }[]).map(({ name }) => name)
    expect(names).toEqual(['prepared', 'a', 'b', 'c', 'answered'])
    expect(planned.best).toMatchObject({ name: 'answered', transfer: 0 })
    const [first] = planned.choices as { bytes: number; transfer: number }[]
    expect(first).toMatchObject({ bytes: 256, transfer: 256 * 8 + 10 })
    const { out } = await quintet('plan', path, '--uplink', '1kbps')
    expect(out).toMatch(/▶ +answered/)
  })

  it('sends a slow device’s work away over a fast link, and half the bytes as float16', async () => {
    const path = await write(at('plan.onnx'), draft)
    expect((await json('plan', path, '--uplink', '100gbps', '--rtt', '0', '--device', '5000x')).best).toMatchObject({
      name: 'prepared',
    })
    const { choices } = await json('plan', path, '--encoding', 'float16')
    expect(choices).toContainEqual(expect.objectContaining({ name: 'a', bytes: 32 }))
  })

  it.skipIf(!haveAssets)(
    'cuts AlexNet at pool5 where the Neurosurgeon paper does: mobile GPU, Wi-Fi',
    { timeout: 120_000 },
    async () => {
      const planned = await json(
        ...['plan', asset('graphs/light_bvlc_alexnet.onnx'), '--device', 'tegra-k1-gpu', '--cloud', 'k40-gpu'],
        ...['--uplink', '12.8mbps', '--rtt', '0', '--input-bytes', '152000'],
      )
      expect(planned.best).toMatchObject({ label: 'pool5' })
    },
  )

  it('sweeps bandwidth: from the device to the cloud as the link grows faster', async () => {
    const path = await write(at('plan.onnx'), draft)
    const { ranges } = await json('plan', path, '--sweep', '--device', '5000x', '--rtt', '1ms')
    const list = ranges as { name: string; from: number; to: number }[]
    expect(list.at(0)?.from).toBeCloseTo(0.1)
    expect(list.at(-1)?.to).toBeCloseTo(1000)
    expect(list.at(-1)?.name).toBe('prepared')
    expect(list.length).toBeGreaterThan(1)
    expect(list.slice(1).map(({ from }) => from)).toEqual(list.slice(0, -1).map(({ to }) => to))
  })

  it('refuses rates, times, devices and encodings that are none', async () => {
    const path = await write(at('plan.onnx'), draft)
    for (const [option, value, message] of [
      ['--uplink', 'fast', '"fast" is no rate'],
      ['--rtt', 'soon', '"soon" is no duration'],
      ['--device', 'toaster', 'No device "toaster"'],
      ['--encoding', 'png', 'No encoding "png"'],
      ['--dim', 'N', '"N" is no size of a dimension'],
    ] as const) {
      const { code, notes } = await quintet('plan', path, option, value)
      expect(code, option).toBe(1)
      expect(notes).toContain(message)
    }
  })
})

describe('options', () => {
  it('are refused by name where they mean nothing', async () => {
    const path = await write(at('options.onnx'), draft)
    for (const [message, ...args] of [
      ['no free dimension "nope". It has "N"', 'inspect', path, '--dim', 'nope=3'],
      ['is not a positive whole number', 'inspect', path, '--dim', 'N=0'],
      ['--tensors abc: give one whole number', 'inspect', path, '--tensors', 'abc'],
      ['--tensors 1.5: give one whole number', 'inspect', path, '--tensors', '1.5'],
      ['--tensors 0: give one whole number', 'inspect', path, '--tensors', '0'],
      ['--tensors 1, 2: give one', 'inspect', path, '--tensors', '1', '--tensors', '2'],
      ['--input-bytes many: give one whole number', 'plan', path, '--input-bytes', 'many'],
      ['"h" is no state', 'inspect', path, '--state', 'h'],
      ['"h" → "d" is not an input and an output', 'split', path, '--after', 'b', '--state', 'h=d'],
      ['--threads x: give one whole number', 'cuts', at('models'), '--threads', 'x'],
    ] as const) {
      const { code, out, notes } = await quintet(...args)
      expect({ code, out }, message).toEqual({ code: 1, out: '' })
      expect(notes).toContain(message)
    }
  })

  it('that name files which cannot be say why in words', async () => {
    const path = await write(at('options.onnx'), draft)
    await writeFile(at('plain'), '')
    for (const [message, ...args] of [
      ['is a folder (EISDIR). Name an .onnx file', 'inspect', at()],
      ['is too long a name (ENAMETOOLONG)', 'inspect', 'n'.repeat(5000)],
      ['lies below something that is no folder', 'split', path, '--after', 'b', '-o', at('plain', 'below')],
      ['is too long a name for this file system', 'split', path, '--after', 'b', '-o', at('n'.repeat(300))],
      ['is a folder. Name a file (EISDIR)', 'profile', path, '--runs', '1', '-o', at()],
    ] as const) {
      const { code, notes } = await quintet(...args)
      expect(code, message).toBe(1)
      expect(notes).toContain(message)
      expect(notes).not.toContain('    at ')
    }
  })
})

// Each split is loaded in a process of its own, which takes a while to start on a busy machine.
describe('layers', { timeout: 120_000 }, () => {
  it('have one name in inspect, cuts, plan and split', async () => {
    const alike: Draft = {
      inputs: { x: [1, 3, 8, 8] },
      outputs: { y: [1, 2, 2, 2] },
      nodes: [
        node('Conv', 'x conv1_w', 'a', { kernel_shape: [3, 3] }, 'n1'),
        node('MaxPool', 'a', 'b', { kernel_shape: [2, 2], strides: [2, 2] }, 'n2'),
        node('Conv', 'b conv2_w', 'y', { kernel_shape: [2, 2] }, 'n3'),
      ],
      weights: [weights('conv1_w', [4, 3, 3, 3]), weights('conv2_w', [2, 4, 2, 2])],
    }
    const path = await write(at('alike.onnx'), alike)
    const { out } = await quintet('inspect', path)
    expect(out).toMatch(/1 +n1 +conv1 +Conv/)
    expect((await quintet('plan', path)).out).toMatch(/n2 /)
    const { cuts } = await json('inspect', path)
    for (const { name } of cuts as { name: string }[]) {
      expect(await json('split', path, '--after', name, '-o', at('alike')), name).toMatchObject({ cut: name })
    }
    expect((await quintet('split', path, '--after', 'conv3', '-o', at('alike'))).notes).toMatch(
      /no layer "conv3"\. Use one of n\d/,
    )
  })
})

describe('quintet profile', () => {
  it('measures, and later commands take the measured times', async () => {
    const path = await write(at('timed.onnx'), draft)
    const value = await json('profile', path, '--runs', '3')
    expect(value.total).toMatchObject({ ms: expect.any(Number) })
    expect(await json('inspect', path)).toMatchObject({ times: 'measured' })
    // As it would be found after the machine or the runtime changed.
    await writeFile(String(value.path), JSON.stringify({ ...value, path: undefined, machine: 'another' }))
    expect(await json('inspect', path)).toMatchObject({ times: 'predicted' })
    expect(await json('inspect', path, '--profile', String(value.path))).toMatchObject({ times: 'measured' })
  })
})

describe('a profile that is none', () => {
  it('is not made of no runs, and nothing is saved', async () => {
    const path = await write(at('never.onnx'), { ...draft, weights: [weights('w', [64, 17]), weights('v', [17, 10])] })
    for (const [option, value] of [
      ['--runs', 'abc'],
      ['--runs', '0'],
      ['--runs', '2.5'],
      ['--threads', 'many'],
    ] as const) {
      const { code, notes } = await quintet('profile', path, option, value)
      expect(code, `${option} ${value}`).toBe(1)
      expect(notes).toContain(`${option} `)
      expect(notes).toContain('give one whole number')
    }
    expect(await json('inspect', path)).toMatchObject({ times: 'predicted' })
  })

  it('is told by name where it was saved, and the model is inspected and planned all the same', async () => {
    const path = await write(at('spoilt.onnx'), { ...draft, weights: [weights('w', [64, 18]), weights('v', [18, 10])] })
    const value = await json('profile', path, '--runs', '3')
    const saved = String(value.path)
    const zero = { ms: 0, low: 0, high: 0 }
    const { path: _, ...profile } = value
    for (const content of [JSON.stringify({ ...profile, total: zero, runs: 1 }), '{"version":', '{}']) {
      await writeFile(saved, content)
      for (const command of ['inspect', 'plan']) {
        const { code, notes } = await quintet(command, path)
        expect([command, code]).toEqual([command, 0])
        expect(notes).toContain(saved)
        expect(notes).toContain('Make one with "quintet profile"'.slice(5))
      }
      expect(await quintet('inspect', path, '--profile', saved)).toMatchObject({ code: 1 })
    }
  })
})

describe('quintet profile of several models', () => {
  it('predicts each from the others, beside the baseline', async () => {
    const sizes = [16, 24, 40, 64]
    const paths = await Promise.all(
      sizes.map((side) =>
        write(at(`wide${side}.onnx`), {
          ...draft,
          weights: [weights('w', [64, side]), weights('v', [side, 10])],
        }),
      ),
    )
    const { byModel } = await json('profile', ...paths, '--held-out', '--runs', '3')
    const { models } = byModel as { models: { model: string; ms: number; predicted: number; baseline: number }[] }
    expect(models.map(({ model }) => model)).toEqual(sizes.map((side) => `wide${side}.onnx`))
    for (const one of models) expect(Math.min(one.ms, one.predicted)).toBeGreaterThan(0)
    const { out } = await quintet('profile', ...paths, '--held-out', '--runs', '3')
    expect(out).toMatch(/held-out model .*linear on configuration/)
  })

  it('refuses one file for all, and holding out of two', async () => {
    const path = await write(at('timed.onnx'), draft)
    expect((await quintet('profile', path, path, '-o', at('one.json'))).notes).toContain('One file holds one model')
    expect((await quintet('profile', path, path, '--held-out')).notes).toContain('at least three models')
  })
})

describe('pictures', () => {
  it('are drawn as SVG or as a page', async () => {
    const path = await write(at('drawn.onnx'), draft)
    for (const command of ['inspect', 'plan']) {
      expect((await quintet(command, path, '--plot', at(`${command}.svg`))).code).toBe(0)
      expect(await readFile(at(`${command}.svg`), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>$/)
    }
    await quintet('plan', path, '--sweep', '--plot', at('sweep.html'))
    expect(await readFile(at('sweep.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<svg /)
    expect((await quintet('plan', path, '--plot', at('plan.bmp'))).notes).toContain('no .svg or .html file')
  })
})

describe('the command line', () => {
  it('says what it did not understand, and ends with 2', async () => {
    expect(await quintet('divide')).toMatchObject({ code: 2, notes: expect.stringContaining('no command "divide"') })
    expect(await quintet()).toMatchObject({ code: 2, notes: expect.stringContaining('No command was given') })
    expect((await quintet('inspect')).code).toBe(2)
    expect(await quintet('inspect', 'm.onnx', '--colour')).toMatchObject({
      code: 2,
      notes: expect.stringContaining('colour'),
    })
  })

  it('writes errors as JSON where JSON was asked for', async () => {
    await writeFile(at('text.onnx'), 'no model')
    expect(await json('inspect', at('text.onnx'))).toMatchObject({
      error: { name: 'NotAModel', code: 'model-load-failed' },
    })
  })
})
