import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { availableCores } from '../../../adapters/machine/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

const folder = temporaryFolder()
let count = 0

/** A machine with these files. */
function machine(files: Readonly<Record<string, string>>): string {
  count += 1
  const root = join(folder, String(count))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const mount2 = (from = '/', at = '/sys/fs/cgroup') =>
  `21 1 0:20 / /proc rw - proc proc rw\n30 23 0:26 ${from} ${at} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n`
const mount1 = (from = '/', at = '/sys/fs/cgroup/cpu,cpuacct') =>
  `31 23 0:27 ${from} ${at} rw - cgroup cgroup rw,cpu,cpuacct\n32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n`
const in2 = (group: string) => ({ 'proc/self/mountinfo': mount2(), 'proc/self/cgroup': `0::${group}\n` })
const in1 = (group: string) => ({
  'proc/self/mountinfo': mount1(),
  'proc/self/cgroup': `5:memory:/elsewhere\n4:cpu,cpuacct:${group}\n0::/\n`,
})

describe('the cores of a process', () => {
  const cases: readonly [string, Readonly<Record<string, string>>, number][] = [
    ['are its processors where no groups are', {}, 8],
    ['version 2: half a core is one thread', { ...in2('/a'), 'sys/fs/cgroup/a/cpu.max': '50000 100000\n' }, 1],
    ['version 2: two and a half are two', { ...in2('/a'), 'sys/fs/cgroup/a/cpu.max': '250000 100000\n' }, 2],
    ['version 2: no quota', { ...in2('/a'), 'sys/fs/cgroup/a/cpu.max': 'max 100000\n' }, 8],
    ['version 2: a quota beyond the processors', { ...in2('/a'), 'sys/fs/cgroup/a/cpu.max': '3200000 100000\n' }, 8],
    [
      'version 2: the smallest quota up the hierarchy',
      {
        ...in2('/a/b/c'),
        'sys/fs/cgroup/a/cpu.max': '300000 100000\n',
        'sys/fs/cgroup/a/b/cpu.max': '200000 50000\n',
        'sys/fs/cgroup/a/b/c/cpu.max': '700000 100000\n',
      },
      3,
    ],
    ['version 2: the namespace’s own root', { ...in2('/'), 'sys/fs/cgroup/cpu.max': '200000 100000\n' }, 2],
    [
      'version 2: a path that leads out of what is mounted',
      { ...in2('/../../other'), 'sys/fs/cgroup/cpu.max': '200000 100000\n' },
      2,
    ],
    [
      'version 1: half a core is one thread',
      {
        ...in1('/a'),
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '50000\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
      },
      1,
    ],
    [
      'version 1: −1 is no quota, and the group above has one',
      {
        ...in1('/a/b'),
        'sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us': '100000\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '400000\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
      },
      4,
    ],
    [
      'version 1: in a container that sees the host’s path, what is mounted is its group',
      {
        'proc/self/mountinfo': mount1('/docker/123'),
        'proc/self/cgroup': '4:cpu,cpuacct:/docker/123\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '150000\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      1,
    ],
    [
      'a mount with a space in its path',
      {
        'proc/self/mountinfo': mount2('/', '/my\\040groups'),
        'proc/self/cgroup': '0::/a\n',
        'my groups/a/cpu.max': '200000 100000',
      },
      2,
    ],
    ['files that say nothing', { ...in2('/a'), 'sys/fs/cgroup/a/cpu.max': 'what\n' }, 8],
  ]
  for (const [name, files, cores] of cases) {
    test(name, () => {
      expect(availableCores({ root: machine(files), processors: 8 })).toBe(cores)
    })
  }

  test('are never more than the affinity allows', () => {
    const root = machine({ ...in2('/a'), 'sys/fs/cgroup/a/cpu.max': '400000 100000\n' })
    expect(availableCores({ root, processors: 1 })).toBe(1)
  })
})
