import { describe, expect, it } from 'vitest'
import {
  BadConfiguration,
  Cancellation,
  type Captured,
  type Item,
  type Message,
  type Prepared,
  type StageContext,
  UnknownModel,
} from '../../../pipeline/index.ts'
import { fakeClock, imageMessage, resultMessage, runStage, tensorsMessage } from '../../../pipeline/testing/index.ts'
import {
  type ImageEngine,
  type ModelInput,
  type PrepareOptions,
  type PreprocessOptions,
  preprocess,
} from '../../../stages/index.ts'
import { entry, modelsWithoutFiles } from '../../support/models.ts'

const models = modelsWithoutFiles([
  entry('small', { input: { name: 'input', width: 32, height: 32, crop: 0.875 } }),
  entry('large', { input: { name: 'input', width: 96, height: 96, crop: 0.5 } }),
  entry('medium', { input: { name: 'input', width: 64, height: 64, crop: 0.75 } }),
])

interface Asked {
  readonly picture: Captured | Prepared
  readonly input: ModelInput
  readonly options: PrepareOptions
}

/** An engine that says what it was asked for, and gives a picture or a tensor of no content. */
function engine(): ImageEngine & { readonly asked: Asked[] } {
  const asked: Asked[] = []
  return {
    asked,
    async prepare(picture, input, options) {
      asked.push({ picture, input, options })
      const bytes = new Uint8Array(1)
      return options.encoding === 'tensor'
        ? { form: 'tensors', at: 'prepared', tensors: [{ name: input.name, type: 'uint8', shape: [1], bytes }] }
        : { form: 'image', at: 'prepared', bytes, width: input.width, height: input.height, crop: input.crop }
    },
    measure: async () => ({ width: 1, height: 1 }),
  }
}

const wire = { wire: true, prepares: true, executes: true }
const device: Partial<StageContext> = { side: 'device', route: wire }
const cloud: Partial<StageContext> = { side: 'cloud', route: wire }

async function through(
  message: Message,
  context: Partial<StageContext>,
  options: Partial<PreprocessOptions> = {},
): Promise<{ out: Item; asked: readonly Asked[] }> {
  const images = engine()
  const stage = preprocess({ images, models, ...options })
  const [out] = await runStage(stage, [message], { clock: fakeClock(), ...context })
  return { out: out as Item, asked: images.asked }
}

describe('preprocess on the device', () => {
  it('leaves the picture as captured where the wire crosses there', async () => {
    const message = imageMessage({ plan: { cut: 'captured', model: 'small' } })
    const { out, asked } = await through(message, device)
    expect(asked).toEqual([])
    expect(out).toMatchObject({ payload: message.payload, plan: message.plan })
  })

  it.each(['jpeg', 'webp', 'raw', 'tensor'])(
    'prepares for the planned model, as the plan says: %s',
    async (encoding) => {
      const message = imageMessage({ plan: { cut: 'prepared', model: 'medium', encoding } })
      const { out, asked } = await through(message, device)
      expect(asked).toMatchObject([
        { picture: message.payload, input: { width: 64, crop: 0.75 }, options: { encoding } },
      ])
      expect(out).toMatchObject({ payload: { at: 'prepared' }, plan: { cut: 'prepared', model: 'medium', encoding } })
    },
  )

  it('prepares for the largest input, with the least cropped away, while the model is open', async () => {
    const { out, asked } = await through(imageMessage({ plan: { cut: 'prepared' } }), device)
    expect(asked).toMatchObject([{ input: { width: 96, height: 96, crop: 0.875 }, options: { encoding: 'jpeg' } }])
    expect(out).toMatchObject({ payload: { form: 'image' }, plan: { cut: 'prepared', encoding: 'jpeg' } })
    expect((out as Message).plan.model).toBeUndefined()
  })

  it('counts only models that are not excluded among the candidates', async () => {
    const message = imageMessage({ plan: { cut: 'prepared' }, open: { models: ['small', 'medium'] } })
    const { asked } = await through(message, device)
    expect(asked).toMatchObject([{ input: { width: 64, crop: 0.875 } }])
  })

  it('takes the first of the candidates where a tensor is wanted, which fits one model only', async () => {
    const { out, asked } = await through(imageMessage({ plan: { cut: 'prepared', encoding: 'tensor' } }), device)
    expect(asked).toMatchObject([{ input: { width: 32 }, options: { encoding: 'tensor' } }])
    expect(out).toMatchObject({ plan: { model: 'small' } })
  })

  it.each(['answered', 'after:relu'] as const)('makes the tensor for a cut at %s', async (cut) => {
    const message = imageMessage({ plan: { cut, model: 'large', encoding: 'float16' } })
    const { out, asked } = await through(message, device)
    expect(asked).toMatchObject([{ input: { width: 96 }, options: { encoding: 'tensor' } }])
    expect(out).toMatchObject({ payload: { form: 'tensors' }, plan: message.plan })
  })

  it('prepares where nobody has decided, and the whole way where there is no wire', async () => {
    const open = await through(imageMessage(), device)
    expect(open.out).toMatchObject({ payload: { form: 'image', at: 'prepared' }, plan: { cut: 'prepared' } })
    const alone = await through(imageMessage(), { route: { ...wire, wire: false } })
    expect(alone.out).toMatchObject({ payload: { form: 'tensors' }, plan: { cut: 'answered', model: 'small' } })
  })

  it('writes as its options say where the plan leaves it open', async () => {
    const message = imageMessage({ plan: { cut: 'prepared' } })
    const { asked } = await through(message, device, { encoding: 'webp', quality: 55 })
    expect(asked).toMatchObject([{ options: { encoding: 'webp', quality: 55 } }])
  })

  it('fails a message whose encoding is not one of a picture, and one whose model nobody has', async () => {
    const coded = await through(
      imageMessage({ plan: { cut: 'prepared', model: 'small', encoding: 'float16' } }),
      device,
    )
    expect(coded.out).toMatchObject({ kind: 'failure', error: expect.any(BadConfiguration) })
    const unknown = await through(imageMessage({ plan: { cut: 'prepared', model: 'none' } }), device)
    expect(unknown.out).toMatchObject({ kind: 'failure', error: expect.any(UnknownModel) })
  })

  it('tells the engine when nobody waits for the picture any longer', async () => {
    const cancellation = new Cancellation()
    let stop = () => {}
    const stopped = new Promise<void>((resolve) => {
      stop = resolve
    })
    const images: ImageEngine = {
      ...engine(),
      prepare: (_picture, _input, { signal }) => {
        signal?.addEventListener('abort', stop)
        cancellation.cancel()
        return new Promise(() => {})
      },
    }
    const { out } = await through(imageMessage({ plan: { cut: 'prepared' }, cancellation }), device, { images })
    await stopped
    expect(out).toMatchObject({ kind: 'failure', error: { code: 'cancelled' } })
  })
})

describe('preprocess below the wire', () => {
  const below = (message: Message): Message => ({ ...message, side: 'cloud' })

  it.each([
    { at: 'captured', payload: imageMessage().payload },
    { at: 'prepared', payload: { ...imageMessage().payload, at: 'prepared' as const, crop: 0.875 } },
  ])('makes the tensor of the chosen model from a picture that is $at', async ({ payload }) => {
    const { out, asked } = await through({ ...below(imageMessage({ plan: { model: 'medium' } })), payload }, cloud)
    expect(asked).toMatchObject([{ picture: payload, input: { width: 64 }, options: { encoding: 'tensor' } }])
    expect(out).toMatchObject({ payload: { form: 'tensors' }, plan: { model: 'medium' } })
  })

  it('closes a model that is still open as the first of those left', async () => {
    const { out } = await through(below(imageMessage({ open: { models: ['large', 'medium'] } })), cloud)
    expect(out).toMatchObject({ plan: { model: 'large' } })
  })

  it('passes on what is no picture any more', async () => {
    for (const message of [tensorsMessage(), resultMessage()]) {
      const { out, asked } = await through(below(message), cloud)
      expect(asked).toEqual([])
      expect((out as Message).payload).toBe(message.payload)
    }
  })
})

it('preprocess without models says at once where to put them', async () => {
  const stage = preprocess({ images: engine() })
  await expect(runStage(stage, [imageMessage()])).rejects.toThrow(/preprocess\({ models }\)/)
})
