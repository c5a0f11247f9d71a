import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { processExecutors, threadExecutors } from '../../../adapters/onnx/index.ts'
import {
  Cancellation,
  Cancelled,
  type ElementType,
  ExecutionFailed,
  ExecutorLost,
  ModelLoadFailed,
  type Tensor,
  WrongShape,
} from '../../../pipeline/index.ts'
import type { Executor, ModelSource } from '../../../stages/execute/index.ts'
import { assets, needsAssets } from '../../support/assets.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { onnx, writeModel } from '../../support/onnx-builder.ts'
import { classifier, heavy, identity, seeded, slow, twoByTwo } from '../../support/small-models.ts'

const folder = temporaryFolder()
const small = writeModel(folder, 'classifier', classifier())
const two = writeModel(folder, 'two', twoByTwo())
const long = writeModel(folder, 'long', slow({ times: 60 }))

const float = (name: string, shape: readonly number[], values: Float32Array): Tensor => ({
  name,
  type: 'float32',
  shape,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
})
const picture = (seed = 1, count = 1) => float('input', [count, 3, 32, 32], seeded(count * 3 * 32 * 32, seed))
const longInput = () => float('x', [384, 384], seeded(384 * 384, 3, 0.05))
const floats = (tensor: Tensor | undefined) => {
  const { buffer, byteOffset, byteLength } = (tensor as Tensor).bytes
  return new Float32Array(buffer, byteOffset, byteLength / 4)
}

/** The same model run in the simplest way there is. */
async function plain(model: ModelSource, input: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(model.path, { intraOpNumThreads: 1 })
  const feeds = { [input.name]: new RuntimeTensor('float32', floats(input), input.shape) }
  const output = session.outputNames[0] as string
  const result = (await session.run(feeds))[output]?.data as Float32Array
  await session.release()
  return result
}

for (const factory of [processExecutors(), threadExecutors()]) {
  describe(`a ${factory.kind} executor`, () => {
    let executor: Executor
    beforeAll(async () => {
      executor = await factory.start()
      await executor.load(small)
      await executor.load(two)
    })
    afterAll(() => executor.close())

    describe('running', () => {
      test('answers what a plain session answers, bit for bit', async () => {
        for (const seed of [1, 2, 3]) {
          const { outputs, ms } = await executor.run(small.key, [picture(seed)])
          expect(outputs.map(({ name, type, shape }) => ({ name, type, shape }))).toEqual([
            { name: 'logits', type: 'float32', shape: [1, 5] },
          ])
          expect(floats(outputs[0])).toEqual(await plain(small, picture(seed)))
          expect(ms).toBeGreaterThan(0)
        }
      })

      test('takes any size where the model names a dimension', async () => {
        const { outputs } = await executor.run(small.key, [picture(4, 7)])
        expect(outputs[0]?.shape).toEqual([7, 5])
        expect(floats(outputs[0])).toEqual(await plain(small, picture(4, 7)))
      })

      test('takes inputs in any order and returns the outputs that are asked for, in that order', async () => {
        const a = float('a', [1, 2], Float32Array.of(2, 3))
        const b = float('b', [1, 2], Float32Array.of(5, 7))
        const all = await executor.run(two.key, [b, a])
        expect(all.outputs.map((each) => [each.name, ...floats(each)])).toEqual([
          ['sum', 7, 10],
          ['product', 10, 21],
        ])
        const some = await executor.run(two.key, [a, b], { outputs: ['product'] })
        expect(some.outputs.map(({ name }) => name)).toEqual(['product'])
      })

      test('leaves the inputs to the caller, who can use them again', async () => {
        const input = picture(5)
        const before = floats(input).slice()
        const [first, second] = [await executor.run(small.key, [input]), await executor.run(small.key, [input])]
        expect(floats(input)).toEqual(before)
        expect(first.outputs).toEqual(second.outputs)
      })

      test('takes inputs that lie at any place of a larger buffer', async () => {
        const values = seeded(3 * 32 * 32, 6)
        const buffer = new Uint8Array(values.byteLength + 3)
        buffer.set(new Uint8Array(values.buffer), 3)
        const input: Tensor = { ...picture(6), bytes: buffer.subarray(3) }
        expect((await executor.run(small.key, [input])).outputs).toEqual(
          (await executor.run(small.key, [picture(6)])).outputs,
        )
      })

      test('keeps answers apart from one another in memory', async () => {
        const first = (await executor.run(small.key, [picture(1)])).outputs
        const kept = structuredClone(first)
        await executor.run(small.key, [picture(2)])
        expect(first).toEqual(kept)
      })

      for (const [type, bytes] of [
        ['float16', 2],
        ['uint8', 1],
        ['int8', 1],
        ['int32', 4],
        ['int64', 8],
        ['bool', 1],
      ] as const satisfies readonly (readonly [ElementType, number])[]) {
        test(`carries ${type} unchanged`, async () => {
          const model = writeModel(folder, `identity-${type}`, identity(type, [2, 'n']))
          await executor.load(model)
          const data = Uint8Array.from({ length: 6 * bytes }, (_, index) => (type === 'bool' ? index % 2 : index * 7))
          const input: Tensor = { name: 'x', type, shape: [2, 3], bytes: data }
          const { outputs } = await executor.run(model.key, [input])
          expect(outputs).toEqual([{ ...input, name: 'y' }])
          await executor.unload(model.key)
        })
      }

      test('answers loads and runs in the order in which they were asked for', async () => {
        const order: string[] = []
        const other = writeModel(folder, 'other', classifier({ seed: 9 }))
        await Promise.all([
          executor.run(small.key, [picture(1)]).then(() => order.push('run')),
          executor.load(other).then(() => order.push('load')),
          executor.run(other.key, [picture(1)]).then(() => order.push('run other')),
          executor.unload(other.key).then(() => order.push('unload')),
        ])
        expect(order).toEqual(['run', 'load', 'run other', 'unload'])
      })

      test('forgets a waiting run that is cancelled, and not one that has begun', async () => {
        await executor.load(long)
        const cancellation = new Cancellation()
        const begun = executor.run(long.key, [longInput()], { cancellation })
        const waiting = executor.run(long.key, [longInput()], { cancellation })
        cancellation.cancel()
        await expect(waiting).rejects.toThrow(Cancelled)
        expect((await begun).outputs.length).toBe(1)
        await expect(executor.run(small.key, [picture()], { cancellation })).rejects.toThrow(Cancelled)
      })

      test(`runs real networks: ${factory.kind}${needsAssets}`, async (context) => {
        if (assets === undefined) return context.skip()
        const { readFileSync } = await import('node:fs')
        const path = join(assets, 'models/mobilenet_v1_0.25_128_fp32.onnx')
        const model = { ...writeModel(folder, 'mobilenet', readFileSync(path)), path }
        const { residentBytes } = await executor.load(model)
        expect(residentBytes).toBeGreaterThanOrEqual(model.bytes)
        const input = float('input', [1, 3, 128, 128], seeded(3 * 128 * 128, 8))
        const { outputs } = await executor.run(model.key, [input])
        expect(floats(outputs[0])).toEqual(await plain(model, input))
      })
    })

    describe('refuses what does not fit, and says what the model takes', () => {
      const takes = /takes "input" float32 \[n,3,32,32\]/
      const cases: readonly [string, () => readonly Tensor[], RegExp][] = [
        ['a missing input', () => [], /"input" is missing/],
        ['an unknown input', () => [{ ...picture(), name: 'picture' }], /no input "picture"/],
        ['a name that every object has', () => [{ ...picture(), name: 'constructor' }], /no input "constructor"/],
        ['an input twice', () => [picture(), picture()], /twice/],
        ['another type', () => [{ ...picture(), type: 'int32' }], /int32 \[1,3,32,32\]/],
        ['another size', () => [{ ...picture(), shape: [1, 3, 32, 33] }], /float32 \[1,3,32,33\]/],
        ['another rank', () => [{ ...picture(), shape: [3, 32, 32] }], /float32 \[3,32,32\]/],
        ['half a picture', () => [{ ...picture(), shape: [0.5, 3, 32, 32] }], /\[0.5,3,32,32\]/],
        ['less than none', () => [{ ...picture(), shape: [-1, 3, 32, 32] }], /\[-1,3,32,32\]/],
        [
          'fewer bytes than the shape',
          () => [{ ...picture(), bytes: new Uint8Array(12) }],
          /12288 bytes, but brings 12/,
        ],
      ]
      for (const [name, make, sentence] of cases) {
        test(name, async () => {
          const failure = executor.run(small.key, make())
          await expect(failure).rejects.toThrow(WrongShape)
          await expect(failure).rejects.toThrow(sentence)
          await expect(failure).rejects.toThrow(takes)
        })
      }

      test('a model that is not loaded, an output that it does not have', async () => {
        await expect(executor.run('nothing', [picture()])).rejects.toThrow(ExecutionFailed)
        const unknown = executor.run(small.key, [picture()], { outputs: ['boxes'] })
        await expect(unknown).rejects.toThrow(ExecutionFailed)
        await expect(unknown).rejects.toThrow(/no output "boxes".*logits/)
      })

      test("the runtime's own failure is named, and the next run is answered", async () => {
        const model = writeModel(
          folder,
          'mismatch',
          onnx({
            inputs: [
              { name: 'a', shape: ['n'] },
              { name: 'b', shape: ['m'] },
            ],
            outputs: [{ name: 'y', shape: ['k'] }],
            nodes: [{ type: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
          }),
        )
        await executor.load(model)
        const failure = executor.run(model.key, [
          float('a', [2], Float32Array.of(1, 2)),
          float('b', [3], Float32Array.of(1, 2, 3)),
        ])
        await expect(failure).rejects.toThrow(ExecutionFailed)
        await expect(failure).rejects.toThrow(/runtime failed to run model "mismatch"/)
        expect((await executor.run(small.key, [picture()])).outputs.length).toBe(1)
      })
    })

    describe('loading', () => {
      test('reports the names, the time and the memory', async () => {
        const model = writeModel(folder, 'reported', heavy())
        const report = await executor.load(model)
        expect(report).toMatchObject({ inputs: ['x'], outputs: ['y'] })
        expect(report.ms).toBeGreaterThan(0)
        expect(report.residentBytes).toBeGreaterThanOrEqual(model.bytes)
        expect(report.residentBytes).toBeLessThan(model.bytes * 5)
        await executor.unload(model.key)
      })

      test('a model that is loaded already is not loaded again', async () => {
        expect(await executor.load(small)).toEqual(await executor.load(small))
      })

      test('a model that was unloaded, also twice, is gone and can be loaded again', async () => {
        const model = writeModel(folder, 'again', classifier({ seed: 4 }))
        await executor.load(model)
        await executor.unload(model.key)
        await executor.unload(model.key)
        await executor.unload('never loaded')
        await expect(executor.run(model.key, [picture()])).rejects.toThrow(ExecutionFailed)
        await executor.load(model)
        expect((await executor.run(model.key, [picture()])).outputs.length).toBe(1)
      })

      test('a file of which one bit changed is refused by its hash', async () => {
        const bytes = classifier({ seed: 5 })
        const model = writeModel(folder, 'changed', bytes)
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
        writeFileSync(model.path, bytes)
        const failure = executor.load(model)
        await expect(failure).rejects.toThrow(ModelLoadFailed)
        await expect(failure).rejects.toThrow(/"changed".*sha256.*expected.*again/)
      })

      test('a file that is missing, or no model, is refused; what is loaded stays', async () => {
        const absent = { ...small, key: 'absent', path: join(folder, 'absent.onnx') }
        await expect(executor.load(absent)).rejects.toThrow(/Cannot read/)
        const garbage = writeModel(folder, 'garbage', Buffer.from('no model at all'))
        const failure = executor.load(garbage)
        await expect(failure).rejects.toThrow(ModelLoadFailed)
        await expect(failure).rejects.toThrow(/refuses model "garbage"/)
        expect((await executor.run(small.key, [picture()])).outputs.length).toBe(1)
      })
    })

    describe('ending', () => {
      test('lets the run in progress finish, refuses the rest, and is over when it says so', async () => {
        const each = await factory.start()
        await each.load(long)
        const running = each.run(long.key, [longInput()])
        const waiting = each.run(long.key, [longInput()])
        waiting.catch(() => {})
        const closed = each.close()
        await expect(waiting).rejects.toThrow(ExecutorLost)
        await expect(each.run(long.key, [longInput()])).rejects.toThrow(ExecutorLost)
        expect((await running).outputs.length).toBe(1)
        await closed
        await each.close()
      })

      test('gives a run up whose time to finish is over', async () => {
        const each = await factory.start()
        await each.load(long)
        const running = each.run(long.key, [longInput()])
        running.catch(() => {})
        await each.close(0)
        await expect(running).rejects.toThrow(ExecutorLost)
      })

      test('an end that was asked for is no loss', async () => {
        const [closed, killed] = await Promise.all([factory.start(), factory.start()])
        const losses: string[] = []
        for (const each of [closed, killed]) each.lost.then(() => losses.push(each.id))
        killed.kill()
        await expect(killed.load(small)).rejects.toThrow(ExecutorLost)
        await Promise.all([closed.close(), killed.close()])
        expect(losses).toEqual([])
      })
    })

    test('the event loop stays free while a model runs', async () => {
      await executor.load(long)
      const ticks = async (run: () => Promise<unknown>) => {
        let count = 0
        const timer = setInterval(() => {
          count += 1
        }, 1)
        await run()
        clearInterval(timer)
        return count
      }
      const session = await InferenceSession.create(long.path, { intraOpNumThreads: 1 })
      const here = await ticks(() => session.run({ x: new RuntimeTensor('float32', floats(longInput()), [384, 384]) }))
      const there = await ticks(() => executor.run(long.key, [longInput()]))
      await session.release()
      // The very same run on this thread lets next to nothing through.
      expect(there).toBeGreaterThan(5 * Math.max(1, here))
    })
  })
}
