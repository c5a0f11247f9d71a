export { cloud as preparing, costs, type Mix, networks, type Phone, phones, setting } from './data.ts'
export { pieslicer } from './pieslicer.ts'
