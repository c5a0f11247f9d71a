import type { Clock } from '../../../pipeline/index.ts'
import type { ModelSource } from '../../manage/index.ts'
import type { CacheHost } from './contract.ts'
import type { LoadEstimates } from './estimates.ts'
import type { CacheEvent } from './events.ts'
import type { LoadFailures } from './failures.ts'
import type { Figures } from './figures.ts'
import type { SettledSettings } from './options.ts'
import type { Pins } from './pins.ts'
import type { PlaceLoad } from './place.ts'
import type { EvictionPolicy } from './policies/index.ts'
import type { Copy, Residents } from './residents.ts'
import type { UseRecord } from './use.ts'
import type { Want } from './wants.ts'

/** What a loader works with, and whom it tells. */
export interface LoaderContext {
  readonly settings: SettledSettings
  readonly host: CacheHost
  readonly policy: EvictionPolicy
  readonly clock: Clock
  readonly place: PlaceLoad
  readonly residents: Residents
  readonly estimates: LoadEstimates
  readonly failures: LoadFailures
  readonly pins: Pins
  readonly figures: Figures
  useOf(model: ModelSource): UseRecord
  /** All loads that are wanted now and neither done nor under way. */
  wants(now: number): Want[]
  /** Whether nothing is wanted, as far as can be told at once. */
  idle(): boolean
  /** A copy can be used. @returns how many waited for it */
  ready(copy: Copy): number
  /** A copy's memory is free. */
  left(copy: Copy): void
  /** A turn is over. */
  turned(): void
  emit(event: CacheEvent): void
}
