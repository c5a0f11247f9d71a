import type { Effort, Findings } from '../paper.ts'
import { warmUp } from '../paper.ts'
import { type Contest, lossMap, lossPlot, regretPlots, regrets, told } from './contest.ts'
import { judgedLayercake, layercakeContests } from './layercake.ts'
import { judgedMdinference, mdinferenceContests } from './mdinference.ts'
import { judgedNeurosurgeon, neurosurgeonContests } from './neurosurgeon.ts'
import { judgedPieslicer, pieslicerContests } from './pieslicer.ts'
import { grounds, pause } from './scenes.ts'
import { judgedTraces, traceContests, traceRemarks } from './traces.ts'
import { wanderingContests } from './wandering.ts'

/** The joint planner against every policy: on the settings of the papers, and on recorded links. */
export async function ours(effort: Effort): Promise<Findings> {
  const recorded = await traced(effort)
  const pieslicer = [...pieslicerContests(effort)]
  const mdinference = [...mdinferenceContests(effort)]
  const layercake = [...layercakeContests(effort)]
  const neurosurgeon = [...neurosurgeonContests(effort)]
  const wandering = [...wanderingContests(effort)]
  const all: readonly Contest[] = [
    ...pieslicer,
    ...mdinference,
    ...layercake,
    ...neurosurgeon,
    ...wandering,
    ...recorded.contests,
  ]
  return {
    rows: [
      ...judgedPieslicer(pieslicer),
      ...judgedMdinference(mdinference),
      ...judgedLayercake(layercake),
      ...judgedNeurosurgeon(neurosurgeon, wandering),
      ...judgedTraces(recorded.contests),
      ...lossMap(all),
      ...regrets(all),
      ...told(all),
    ],
    plots: [lossPlot(all), ...regretPlots(all)],
    remarks: [
      'Every policy meets the same frames with the same menu, the same models and the same stand-ins. A policy has no column where it has nothing to choose: place() without a choice of where to prepare, select() with one model, split(), ANS and MAUI in the cloud.',
      'plan’s goal is the setting’s measure. PieSlicer and Neurosurgeon’s latency: the expected time (weights: time 1, energy 0); Neurosurgeon’s energy: the expected energy (energy 0.001, time 0); LayerCake: right and on time (energy 0), and in a column of its own the most accurate that is on time with chance .95; MDInference and the traces: the defaults.',
      'PieSlicer: CV .10, one model in the cloud whose run is not counted. ANS and MAUI speak of layers: what is captured and what is prepared is the same to them.',
      'Neurosurgeon: a catalogue as measured on the processor itself, times with CV .10; a contest is the mean over the eight networks, as a multiple of what the best cut is expected to cost. The best static cut is the oracle’s there.',
      'AlexNet’s uplink or server wanders another way with each seed, a picture a second; the best static cut is chosen on other ways.',
      'LayerCake: split(), ANS and MAUI mind no deadline; they get the model and the stand-in of the best static policy that crosses, ModiPick its stand-in. ALERT knows of no network.',
      'MDInference’s points: plan decides in the cloud, as MDInference does, and is told what it is told.',
      `The first ${warmUp} messages of each run are apart. Intervals are drawn over paired seeds.`,
      'The causal oracle knows every law and every queue, and what followed on the same past in the same trace; it chooses frame by frame, and whoever minds the next frame may beat it. The clairvoyant bound lets each frame be alone.',
      'Right is the accuracy of the answer that is shown in time, 0 for what is late or dropped.',
      ...recorded.remarks,
    ],
  }
}

/** The recorded links, where they are. */
async function traced({ seeds, quick, assets }: Effort) {
  const found = assets === undefined ? [] : await grounds(assets)
  if (found.length === 0)
    return { contests: [], remarks: ['The recorded traces are not here (QUINTET_ASSETS): they are left out.'] }
  const frames = warmUp + (quick ? 200 : 500)
  const count = quick ? Math.ceil(seeds / 4) : seeds
  return { contests: [...traceContests(found, count, frames)], remarks: traceRemarks(count, frames, pause) }
}
