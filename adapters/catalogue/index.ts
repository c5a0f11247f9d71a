export { type CatalogueEntryInput, type CatalogueOptions, catalogue, models } from './catalogue.ts'
