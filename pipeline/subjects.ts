import { hex } from './bytes.ts'
import { BadConfiguration } from './errors.ts'
import { hashOfName } from './platform.ts'

/*
 * Where messages travel. A device publishes below its own name alone:
 *
 *   in.TENANT.PIPELINE.DEVICE.STREAM             any node of the cloud half (queue group)
 *   in.TENANT.PIPELINE.DEVICE.STREAM.NODE        that node: a retry elsewhere, a cancellation
 *   in.TENANT.PIPELINE.DEVICE.STREAM.NODE.KEY    that node: the chunks of one message, KEY as the node said
 *   st.TENANT.PIPELINE.STAGE.DEVICE.STREAM…      the same for a hop inside one half
 *
 * Nodes of one pipeline that share execution meet below `svc`, where no device may publish:
 *
 *   svc.KEY.infer.DEVICE.STREAM                  any node that holds the model; KEY is a short hash of the model and its cut
 *   svc.SCOPE.infer.DEVICE.STREAM.NODE…          that node, whatever it holds; SCOPE is a short hash of the pipeline
 *   mon.TENANT.PIPELINE.NODE                     what a node says of itself
 *   cmd.TENANT.PIPELINE.NODE                     what a node is told to do
 *   cmd.TENANT.PIPELINE.NODE.place               where a model is to be loaded, as the node says for all
 */

const token = /^[A-Za-z0-9_-]{1,64}$/

/** @throws BadConfiguration when it cannot stand in a subject */
export function assertToken(name: string, what: string): string {
  if (token.test(name)) return name
  throw new BadConfiguration(`"${name}" cannot be ${what}: use 1 to 64 letters, digits, "_" or "-".`)
}

/** The subjects of one boundary: of the wire, of a named hop, or of the nodes that hold a model. */
export class Boundary {
  readonly prefix: string
  /** What is missing where nobody serves it, and what to start. */
  readonly absence: string
  /** Of the subjects of single nodes; as long as `prefix`. */
  readonly #direct: string

  private constructor(prefix: string, absence: string, direct = prefix) {
    this.prefix = prefix
    this.absence = absence
    this.#direct = direct
  }

  static wire(tenant: string, pipeline: string): Boundary {
    return new Boundary(
      `in.${assertToken(tenant, 'a tenant')}.${assertToken(pipeline, "a pipeline's name")}`,
      `Nobody serves what stands below the wire of "${pipeline}". Start a cloud half of this pipeline, or plan "answered".`,
    )
  }

  static hop(tenant: string, pipeline: string, stage: string): Boundary {
    const names = [
      assertToken(tenant, 'a tenant'),
      assertToken(pipeline, "a pipeline's name"),
      assertToken(stage, "a hop's name"),
    ]
    return new Boundary(
      `st.${names.join('.')}`,
      `Nobody serves the hop "${stage}" of "${pipeline}". Start it: cloud(transport, { only: '${stage}' }).`,
    )
  }

  /**
   * Between the cloud nodes of a pipeline: any that holds a model, by the model; or one of them by its name.
   * @param model what tells a model and its cut apart, e.g. its sha256; without one there are only single nodes
   */
  static service(tenant: string, pipeline: string, model?: string): Boundary {
    const names = [assertToken(tenant, 'a tenant'), assertToken(pipeline, "a pipeline's name")]
    const direct = `svc.${shortHash(names)}.infer`
    return new Boundary(
      model === undefined ? direct : `svc.${shortHash([...names, model])}.infer`,
      `No node of "${pipeline}" serves the model. Start one, with execute({ cluster: true }).`,
      direct,
    )
  }

  /** Where a message of a source (`DEVICE.STREAM`) goes: to any node of the group. */
  any(source: string): string {
    return `${this.prefix}.${source}`
  }

  /** To one node. */
  node(source: string, node: string): string {
    return `${this.#direct}.${source}.${node}`
  }

  /** The chunks of one message, to one node. */
  chunks(source: string, node: string, key: string): string {
    return `${this.#direct}.${source}.${node}.${key}`
  }

  /** Whether the chunks of a message may go to a subject that a node names: it is one of those that it listens to for them. */
  isForChunks(subject: string, source: string, node: string): boolean {
    const before = this.chunks(source, node, '')
    return subject.startsWith(before) && token.test(subject.slice(before.length))
  }

  /** The source that a subject of this boundary belongs to: `DEVICE.STREAM`. */
  sourceOf(subject: string): string {
    return subject
      .slice(this.prefix.length + 1)
      .split('.', 2)
      .join('.')
  }

  /** What a serving node listens to: all devices, or one. */
  anyPattern(device = '*'): string {
    return `${this.prefix}.${device}.*`
  }

  nodePattern(node: string): string {
    return `${this.#direct}.*.*.${node}`
  }

  chunksPattern(node: string): string {
    return `${this.#direct}.*.*.${node}.*`
  }
}

/**
 * Where a node of a pipeline is heard of (`mon`), or told something (`cmd`); `*` for every node.
 * @throws BadConfiguration a name that cannot stand in a subject
 */
export function nodeSubject(lane: 'mon' | 'cmd', tenant: string, pipeline: string, node: string): string {
  const names = [assertToken(tenant, 'a tenant'), assertToken(pipeline, "a pipeline's name")]
  return `${lane}.${names.join('.')}.${node === '*' ? node : assertToken(node, "a node's name")}`
}

/** The device of a source (`DEVICE.STREAM`): whose share of what several use it takes. */
export function deviceOf(source: string): string {
  const dot = source.indexOf('.')
  return dot < 0 ? source : source.slice(0, dot)
}

/** 64 bits are enough to tell apart what one server carries, and as a token short enough for every message. */
function shortHash(parts: readonly string[]): string {
  return hex(hashOfName(JSON.stringify(parts)).subarray(0, 8))
}
