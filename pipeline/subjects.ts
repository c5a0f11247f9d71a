import { BadConfiguration } from './errors.ts'

/*
 * Where messages travel. A device publishes below its own name alone:
 *
 *   in.TENANT.PIPELINE.DEVICE.STREAM             any node of the cloud half (queue group)
 *   in.TENANT.PIPELINE.DEVICE.STREAM.NODE        that node: a retry elsewhere, a cancellation
 *   in.TENANT.PIPELINE.DEVICE.STREAM.NODE.KEY    that node: the chunks of one message, KEY as the node said
 *   st.TENANT.PIPELINE.STAGE.DEVICE.STREAM…      the same for a hop inside one half
 */

const token = /^[A-Za-z0-9_-]{1,64}$/

/** @throws BadConfiguration when it cannot stand in a subject */
export function assertToken(name: string, what: string): string {
  if (token.test(name)) return name
  throw new BadConfiguration(`"${name}" cannot be ${what}: use 1 to 64 letters, digits, "_" or "-".`)
}

/** The subjects of one boundary: of the wire, or of a named hop. */
export class Boundary {
  readonly prefix: string

  private constructor(prefix: string) {
    this.prefix = prefix
  }

  static wire(tenant: string, pipeline: string): Boundary {
    return new Boundary(`in.${assertToken(tenant, 'a tenant')}.${assertToken(pipeline, "a pipeline's name")}`)
  }

  static hop(tenant: string, pipeline: string, stage: string): Boundary {
    const names = [
      assertToken(tenant, 'a tenant'),
      assertToken(pipeline, "a pipeline's name"),
      assertToken(stage, "a hop's name"),
    ]
    return new Boundary(`st.${names.join('.')}`)
  }

  /** Where a message of a source (`DEVICE.STREAM`) goes: to any node of the group. */
  any(source: string): string {
    return `${this.prefix}.${source}`
  }

  /** To one node. */
  node(source: string, node: string): string {
    return `${this.prefix}.${source}.${node}`
  }

  /** The chunks of one message, to one node. */
  chunks(source: string, node: string, key: string): string {
    return `${this.prefix}.${source}.${node}.${key}`
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
    return `${this.prefix}.*.*.${node}`
  }

  chunksPattern(node: string): string {
    return `${this.prefix}.*.*.${node}.*`
  }
}
