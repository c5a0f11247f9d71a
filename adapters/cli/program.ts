import { cac } from 'cac'
import { BadConfiguration, packageVersion } from '../../pipeline/index.ts'
import { type CacheCommandOptions, cacheCommand } from './cache.ts'
import { type CutsOptions, cutsCommand } from './cuts.ts'
import { type InspectOptions, inspect } from './inspect.ts'
import { failure, type Output } from './output.ts'
import { type PlanOptions, plan } from './plan.ts'
import { type ProfileOptions, profileCommand } from './profile.ts'
import { type ReplayCommandOptions, replayCommand } from './replay.ts'
import { type SplitCommandOptions, splitCommand } from './split.ts'

/**
 * Runs the command line.
 * @param args What stands behind the program's name.
 * @param signal Ends commands that go on by themselves.
 * @returns the exit code: 0 done, 1 failed, or in part, 2 not understood
 */
export async function run(args: readonly string[], output: Output, signal?: AbortSignal): Promise<number> {
  const program = cac('quintet')
  const dim: [string, string] = ['--dim <name=size>', 'Size of a free dimension; may be given more than once']
  const state: [string, string] = [
    '--state <input=output>',
    'An input and the output that follows it in the next step; may be given more than once',
  ]
  const json: [string, string] = ['--json', 'Write the result as JSON']
  const draw: [string, string] = ['--plot <file>', 'Draw it as well, into an .svg or .html file']
  const profiled: [string, string] = [
    '--profile <file>',
    'Times from this profile instead of the saved or predicted ones',
  ]

  program
    .command('inspect <model>', 'List a model’s layers, and where it can be cut')
    .option('--tensors <count>', 'Tensors that may cross at a cut', { default: 1 })
    .option(...profiled)
    .option(...dim)
    .option(...state)
    .option(...draw)
    .option(...json)
    .action((model: string, options: InspectOptions) => inspect(model, options, output))
  program
    .command('profile <...models>', 'Measure models on this machine, and save what was measured')
    .option('--runs <count>', 'Warm runs', { default: 40 })
    .option('--threads <count>', 'Threads of the runtime', { default: 1 })
    .option('-o, --output <file>', 'Where to save the profile; a folder of the user’s cache by default')
    .option('--held-out', 'Predict each model from the others, beside the baseline, and say how well that goes')
    .option(...dim)
    .option(...state)
    .option(...draw)
    .option(...json)
    .action((models: string[], options: ProfileOptions) => profileCommand(models, options, output))
  program
    .command('split <model>', 'Cut a model in two')
    .option('--after <layer>', 'The layer behind which to cut')
    .option('-o, --output <folder>', 'Where to write head and tail', { default: '.' })
    .option(...dim)
    .option(...state)
    .option(...json)
    .action((model: string, options: SplitCommandOptions) => splitCommand(model, options, output))
  program
    .command('cuts <folder>', 'Write into a folder’s catalogue where its models can be cut')
    .option('--threads <count>', 'Threads of the runtime in the profiles used', { default: 1 })
    .option(
      '--pictures <folder>',
      'Measure, too, what lossy encodings leave of the accuracy, with these pictures (LABEL/NAME.jpg, or any)',
    )
    .option('--encodings <names>', 'How pictures are written then, such as jpeg:80,jpeg:80:444')
    .option('--most <count>', 'Pictures that are measured with at most', { default: 500 })
    .option(...dim)
    .option(...json)
    .action((folder: string, options: CutsOptions) => cutsCommand(folder, options, output))
  program
    .command('plan <model>', 'Predict what each cut would take, and mark the fastest')
    .option('--uplink <rate>', 'Bandwidth to the cloud', { default: '5mbps' })
    .option('--rtt <time>', 'Round trip time', { default: '60ms' })
    .option('--device <device>', 'this, a factor such as 4x, a device class, or a profile’s .json', {
      default: 'pixel2-cpu',
    })
    .option('--cloud <device>', 'The same for the other side', { default: 'this' })
    .option('--encoding <name>', 'How activations are written: float32, float16 or uint8', { default: 'float32' })
    .option('--input-bytes <count>', 'Bytes of the input as it would be sent, e.g. of a JPEG')
    .option('--sweep', 'Which cut wins at which bandwidth')
    .option(...profiled)
    .option(...dim)
    .option(...state)
    .option(...draw)
    .option(...json)
    .action((model: string, options: PlanOptions) => plan(model, options, output))
  program
    .command('replay <...logs>', 'Say from a decision log what another policy would have done')
    .option('--policy <policy>', `A policy such as place+select or select:modipick; may be given more than once`)
    .option('--models <folder>', 'The catalogue whose models it may choose; gives their accuracies, too')
    .option('--of <deciders>', 'Whose decisions, where several deciders wrote the log')
    .option('--seed <number>', 'Draws lots and intervals', { default: 1 })
    .option(...json)
    .action((logs: string[], options: ReplayCommandOptions) => replayCommand(logs, options, output))
  program
    .command('cache', 'Show what a running cluster holds in memory, and how well that serves it')
    .option('--server <url>', 'The NATS server; NATS_URL or nats://127.0.0.1:4222 by default')
    .option('--pipeline <name>', 'Only the nodes of this pipeline')
    .option('--watch', 'Go on showing it, until interrupted')
    .option('--every <time>', 'How often, with --watch', { default: '1s' })
    .option(...json)
    .action((options: CacheCommandOptions) => cacheCommand(options, output, signal))
  program.help()
  program.version(packageVersion)

  const wantsJson = args.includes('--json')
  try {
    program.parse(['node', 'quintet', ...args], { run: false })
    if (program.options.help || program.options.version) return 0
    if (!program.matchedCommand) {
      throw new BadConfiguration(
        `${args[0] === undefined ? 'No command was given' : `There is no command "${args[0]}"`}. Use inspect, profile, split, cuts, plan, replay or cache; "quintet --help" says more.`,
      )
    }
    const code: unknown = await program.runMatchedCommand()
    return typeof code === 'number' ? code : 0
  } catch (error) {
    failure(output, wantsJson, error)
    const misunderstood = (error instanceof Error && error.name === 'CACError') || !program.matchedCommand
    return misunderstood ? 2 : 1
  }
}
