import { BadConfiguration } from '../../pipeline/index.ts'
import { expected } from './duration.ts'
import type { Executors } from './executors.ts'
import type { Frame } from './frame.ts'
import type { Took } from './hearing.ts'
import type { Scenario } from './scenario.ts'

/**
 * A model of the device begins to stand in for a frame: it prepares what was captured once more, and runs.
 * @returns when it is done, and what it took
 * @throws BadConfiguration the device cannot run it
 */
export function standIn(
  frame: Frame,
  { device: { prepare, models, load } }: Scenario,
  phone: Executors,
  now: number,
): { readonly ended: number; readonly took: Took } {
  const model = frame.backup as string
  const runs = models[model]
  if (!runs) throw new BadConfiguration(`The device cannot run "${model}". Name only what it holds as backups.`)
  const prepared = phone.occupy(now, expected(prepare, frame.bytes) * frame.fate.device)
  const device = prepared.ended - prepared.began
  const queue = prepared.began - now
  const loads = load && expected(load, 0) * frame.fate.deviceLoad
  const {
    began,
    load: loaded,
    ended,
  } = phone.run(model, prepared.ended, loads, expected(runs, 0) * frame.fate.deviceRun)
  const run = ended - began - loaded
  frame.backupAfter = ended - frame.captured
  frame.backupWork = device + loaded + run
  return { ended, took: { began: now - frame.captured, device, queue, load: loaded, run } }
}
