import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, posix } from 'node:path'

/** Where to look; the defaults are this machine's. */
export interface CoresOptions {
  /** Folder that holds `proc` and the control groups. Default `/`. */
  readonly root?: string
  /** Processors that this process may run on. Default: Node's own count, which knows the affinity. */
  readonly processors?: number
}

/**
 * Whole cores that this process may use, at least 1: its processors, and no more than the quotas of its control groups
 * (cgroup v1 and v2) allow, of which the smallest up the hierarchy holds. Node's own count knows no quotas, so that a
 * container with half a core would get a thread for each processor of its host.
 */
export function availableCores({ root = '/', processors = availableParallelism() }: CoresOptions = {}): number {
  return Math.max(1, Math.min(processors, Math.floor(quota(root))))
}

/** Processors' worth of time, by the smallest quota; Infinity where there is none. */
function quota(root: string): number {
  const read = (path: string): string => {
    try {
      return readFileSync(join(root, path), 'utf8')
    } catch {
      // Another system, or a group without this file, as the topmost is.
      return ''
    }
  }
  let least = Number.POSITIVE_INFINITY
  for (const { mount, from, version } of mounts(read('/proc/self/mountinfo'))) {
    const group = groupOf(read('/proc/self/cgroup'), version)
    if (group === undefined) continue
    // What is mounted may be a part of the hierarchy alone, as in a container.
    const within = posix.relative(from, group)
    let folder = within.startsWith('..') ? mount : posix.join(mount, within)
    while (true) {
      least = Math.min(least, version === 2 ? ofVersion2(read, folder) : ofVersion1(read, folder))
      if (folder === mount || !folder.startsWith(mount)) break
      folder = posix.dirname(folder)
    }
  }
  return least
}

type Read = (path: string) => string

/** `cpu.max`: "50000 100000", or "max 100000". */
function ofVersion2(read: Read, folder: string): number {
  const [limit, period] = read(posix.join(folder, 'cpu.max')).trim().split(/\s+/)
  return share(limit, period)
}

/** −1 is no quota. */
function ofVersion1(read: Read, folder: string): number {
  return share(read(posix.join(folder, 'cpu.cfs_quota_us')), read(posix.join(folder, 'cpu.cfs_period_us')))
}

function share(limit: string | undefined, period: string | undefined): number {
  const cores = Number.parseInt(limit ?? '', 10) / Number.parseInt(period ?? '', 10)
  return cores > 0 ? cores : Number.POSITIVE_INFINITY
}

interface Mount {
  readonly mount: string
  /** The part of the hierarchy that is mounted there. */
  readonly from: string
  readonly version: 1 | 2
}

/** Where the cpu controller's groups are mounted. Fields as in proc(5): id, parent, device, root, mount … - type source options. */
function mounts(text: string): Mount[] {
  return text.split('\n').flatMap((line): Mount[] => {
    const [before, after] = line.split(' - ')
    const [, , , from, mount] = (before ?? '').split(' ').map(unescaped)
    const [type, , options] = (after ?? '').split(' ')
    if (from === undefined || mount === undefined) return []
    if (type === 'cgroup2') return [{ mount, from, version: 2 }]
    return type === 'cgroup' && options?.split(',').includes('cpu') ? [{ mount, from, version: 1 }] : []
  })
}

/** Spaces and the like stand as octal numbers. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
}

/** This process's group: "0::/a/b" of version 2, "4:cpu,cpuacct:/a/b" of version 1. */
function groupOf(text: string, version: 1 | 2): string | undefined {
  for (const line of text.split('\n')) {
    const [, id, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? []
    if (version === 2 ? id === '0' && controllers === '' : controllers?.split(',').includes('cpu')) return path
  }
  return undefined
}
