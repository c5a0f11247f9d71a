export { asStated, type Cell, type Costs, cellCosts, cells, type Goal, networkCosts } from './cells.ts'
export { neurosurgeon } from './neurosurgeon.ts'
export { links } from './platforms.ts'
