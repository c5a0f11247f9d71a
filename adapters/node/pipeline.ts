import { composer } from '../../pipeline/index.ts'
import { memoryTransport } from '../memory/index.ts'
import { nodePlatform } from '../platform/index.ts'
import { systemBattery } from './battery.ts'

/** Composes a pipeline whose `run()` needs no server. @throws BadConfiguration as the framework's own */
export const pipeline = composer({ embedded: memoryTransport, battery: systemBattery(), platform: nodePlatform })
