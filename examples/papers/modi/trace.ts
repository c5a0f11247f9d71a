import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BadInput } from '../../../pipeline/index.ts'

/** What one model variant said of one picture on the phone. */
export interface Answered {
  /** ms */
  readonly load: number
  readonly run: number
  readonly right: boolean
  /** 0…1 */
  readonly confidence: number
}

/** By variant, its answers in the order of the pictures. */
export type PhoneTrace = ReadonlyMap<string, readonly Answered[]>

const columns = 'model,image_idx,load_ms,infer_ms,pred,truth,confidence'

/**
 * A phone's own measurements: 34 variants on the same 367 pictures of flowers.
 * Source: cake-lab/PieSlicer, src/AndroidApp/database.db (MIT), as a table. Which phone it was is not stated.
 * @throws BadInput the file is no such table
 */
export async function readPhoneTrace(assets: string): Promise<PhoneTrace> {
  const path = join(assets, 'papers', 'phone_flowers_34x367.csv')
  const [head, ...lines] = (await readFile(path, 'utf8')).trim().split('\n')
  if (head?.trim() !== columns) throw new BadInput(`"${path}" does not begin with the columns ${columns}.`)
  const variants = new Map<string, Answered[]>()
  for (const [index, line] of lines.entries()) {
    const [model, , load, run, said, truth, confidence, ...more] = line.trim().split(',')
    const answered = {
      load: Number(load),
      run: Number(run),
      right: said === truth,
      confidence: Number(confidence),
    }
    if (
      model === undefined ||
      more.length > 0 ||
      !Number.isFinite(answered.run + answered.load + answered.confidence)
    ) {
      throw new BadInput(`"${path}", line ${index + 2}, does not hold ${columns}.`)
    }
    const known = variants.get(model)
    if (known) known.push(answered)
    else variants.set(model, [answered])
  }
  return variants
}
