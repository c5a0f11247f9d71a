/* What this machine allows the process: cores, and a folder for caches. */
export { type CacheFolderOptions, cacheFolder } from './cache-folder.ts'
export { availableCores, type CoresOptions } from './cores.ts'
