export {
  cloud as preparing,
  costs,
  type Mix,
  mixes,
  type Network,
  networks,
  type Phone,
  phones,
  setting,
} from './data.ts'
export { pieslicer } from './pieslicer.ts'
