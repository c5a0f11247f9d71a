export { type FakeClock as ManualClock, fakeClock as manualClock, settled } from '../../pipeline/testing/index.ts'
