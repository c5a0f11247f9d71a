import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { systemBattery } from '../../../adapters/node/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

function supply(folder: string, name: string, files: Readonly<Record<string, string>>) {
  mkdirSync(join(folder, name))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), `${text}\n`)
}

describe('the battery of this machine', () => {
  it('is what the kernel says of the first that is one, and nobody waits for it', async () => {
    const folder = temporaryFolder()
    supply(folder, 'AC', { type: 'Mains', online: '1' })
    supply(folder, 'BAT0', { type: 'Battery', capacity: '73' })
    const battery = systemBattery(folder)
    expect(battery()).toBeUndefined()
    await vi.waitFor(() => expect(battery()).toBe(0.73))
  })

  it('is unknown where there is none, or what it says is no charge', async () => {
    const folder = temporaryFolder()
    supply(folder, 'BAT0', { type: 'Battery', capacity: 'full' })
    for (const battery of [systemBattery(folder), systemBattery(join(folder, 'nowhere'))]) {
      battery()
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(battery()).toBeUndefined()
    }
  })
})
