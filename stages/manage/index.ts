export { type CatalogueEntry, catalogueEntry, catalogueFile, type ModelInput, modelInput, token } from './catalogue.ts'
export type { Models } from './models.ts'
