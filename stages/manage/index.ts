export { assertAlike } from './alike.ts'
export {
  type CatalogueEntry,
  catalogueEntry,
  catalogueFile,
  type ModelCut,
  type ModelInput,
  modelInput,
  mostCuts,
  token,
} from './catalogue.ts'
export { candidates, chosen, type ModelSource, type Models, modelsOf } from './models.ts'
