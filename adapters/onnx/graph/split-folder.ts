import { cacheFolder } from '../../machine/index.ts'

/** The folder of splits where none is named. @throws BadConfiguration no folder can be written */
export function splitFolder(): string {
  return cacheFolder(['splits'])
}
