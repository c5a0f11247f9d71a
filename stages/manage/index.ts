export { assertAlike } from './alike.ts'
export {
  type CatalogueEntry,
  catalogueEntry,
  catalogueFile,
  type ModelCut,
  type ModelInput,
  modelInput,
  token,
} from './catalogue.ts'
export {
  candidates,
  chosen,
  type Expectations,
  expectations,
  type ModelSource,
  type Models,
  modelsOf,
} from './models.ts'
