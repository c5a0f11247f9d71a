import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The charge of this machine's battery as Linux tells it, 0…1: what was read when it was asked last, as reading is not
 * waited for. Undefined at first, and where there is none.
 * @param folder where the kernel lists power supplies
 */
export function systemBattery(folder = '/sys/class/power_supply'): () => number | undefined {
  let charge: number | undefined
  let reading = false
  return () => {
    if (!reading) {
      reading = true
      void readCharge(folder).then((read) => {
        charge = read
        reading = false
      })
    }
    return charge
  }
}

/** Undefined where there is no battery, or nothing can be read: a device on the mains has none. */
async function readCharge(folder: string): Promise<number | undefined> {
  try {
    for (const supply of await readdir(folder)) {
      const read = async (file: string) => (await readFile(join(folder, supply, file), 'utf8')).trim()
      if ((await read('type').catch(() => '')) !== 'Battery') continue
      const per = Number(await read('capacity').catch(() => Number.NaN))
      if (per >= 0 && per <= 100) return per / 100
    }
  } catch {
    // No such folder: not Linux, or a container.
  }
  return undefined
}
