import { type Clock, sleep, systemClock } from '../../pipeline/index.ts'
import type { Executor, ExecutorFactory } from '../../stages/index.ts'

/**
 * Executors that take so many times as long: a phone's, emulated on a faster machine. Each load and run is made as it is,
 * and its end held back; what they report is as long as it took. To be reported as emulated.
 * @param factor 1 or more
 */
export function slowed(factory: ExecutorFactory, factor: number, clock: Clock = systemClock): ExecutorFactory {
  return { ...factory, start: async (options) => slowedExecutor(await factory.start(options), factor, clock) }
}

function slowedExecutor(executor: Executor, factor: number, clock: Clock): Executor {
  const heldBack = async <R extends { readonly ms: number }>(work: Promise<R>): Promise<R> => {
    const report = await work
    await sleep(clock, report.ms * (factor - 1))
    return { ...report, ms: report.ms * factor }
  }
  // One thing at a time, as the executor itself: the next begins when what was held back has ended.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
  return {
    id: executor.id,
    lost: executor.lost,
    ...(executor.baseline === undefined ? {} : { baseline: executor.baseline }),
    load: (model) => inTurn(() => heldBack(executor.load(model))),
    unload: (key) => inTurn(() => executor.unload(key)),
    run: (key, inputs, options) => inTurn(() => heldBack(executor.run(key, inputs, options))),
    close: async (within) => {
      await Promise.race([last, sleep(clock, within ?? 5000)])
      await executor.close(within)
    },
    kill: () => executor.kill(),
  }
}
