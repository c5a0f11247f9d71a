export { assertAlike } from './alike.ts'
export {
  type CatalogueEntry,
  catalogueEntry,
  catalogueFile,
  type Fidelity,
  type ModelCut,
  type ModelInput,
  modelInput,
  mostCuts,
  token,
} from './catalogue.ts'
export { keeps, measuredPixel, offered, unmeasured, usualQuality } from './fidelity.ts'
export {
  candidates,
  chosen,
  type Expectations,
  expectations,
  type ModelSource,
  type Models,
  modelsOf,
} from './models.ts'
