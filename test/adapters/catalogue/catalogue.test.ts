import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CatalogueEntryInput, catalogue, models } from '../../../adapters/catalogue/index.ts'
import { BadConfiguration, UnknownModel } from '../../../pipeline/index.ts'
import { temporaryFolder } from '../../support/folder.ts'

const root = temporaryFolder()
let count = 0

/** A folder with the given catalogue and the files named in it. */
function folder(content: unknown, files: readonly string[] = []): string {
  count += 1
  const made = join(root, `models-${count}`)
  mkdirSync(join(made, 'deep'), { recursive: true })
  writeFileSync(
    join(made, 'catalogue.json'),
    typeof content === 'string' ? content : JSON.stringify({ version: 1, ...(content as object) }),
  )
  for (const file of files) writeFileSync(join(made, file), 'model')
  return made
}

const entry = (fields: Partial<CatalogueEntryInput> = {}): CatalogueEntryInput => ({
  id: 'small',
  file: 'small.onnx',
  sha256: 'a'.repeat(64),
  bytes: 5,
  input: { name: 'input', width: 64, height: 64 },
  output: { name: 'logits' },
  labels: ['cat', 'dog'],
  accuracy: 0.8,
  licence: 'MIT',
  ...fields,
})

const cut = (layer: string, share: number) => ({ layer, bytes: 100, share })

const sentence = (make: () => unknown): string => {
  try {
    make()
  } catch (error) {
    expect(error).toBeInstanceOf(BadConfiguration)
    return (error as Error).message
  }
  throw new Error('It was accepted.')
}

describe('a catalogue', () => {
  test('gives its models in its order, with defaults filled in and files found beside it', () => {
    const path = folder(
      { models: [entry(), entry({ id: 'large', file: 'deep/large.onnx', sha256: 'b'.repeat(64) })] },
      ['small.onnx', 'deep/large.onnx'],
    )
    const all = catalogue(path)
    expect(all.ids).toEqual(['small', 'large'])
    expect(all.entry('small').input).toMatchObject({ layout: 'NCHW', type: 'float32', crop: 1, resize: 'cover' })
    expect(all.source('large')).toMatchObject({
      expects: {
        input: { name: 'input', type: 'float32', shape: [1, 3, 64, 64], range: [0, 255] },
        output: { name: 'logits', kind: 'logits', classes: 2 },
      },
      key: 'b'.repeat(64),
      name: 'large',
      path: join(path, 'deep/large.onnx'),
      sha256: 'b'.repeat(64),
      bytes: 5,
    })
  })

  test('may begin with the byte order mark that some editors write', () => {
    const path = folder(`\ufeff${JSON.stringify({ version: 1, models: [entry()] })}`, ['small.onnx'])
    expect(catalogue(path).ids).toEqual(['small'])
  })

  test('in UTF-16 says that it is, not where its JSON is wrong', () => {
    const path = folder('', ['small.onnx'])
    const text = Buffer.from(`\ufeff${JSON.stringify({ models: [entry()] })}`, 'utf16le')
    writeFileSync(join(path, 'catalogue.json'), text)
    expect(sentence(() => catalogue(path))).toMatch(/not UTF-8\. Save it as UTF-8/)
  })

  test('takes links into folders that are allowed, as download caches make them, and no others', () => {
    const cache = join(root, 'cache')
    const snapshot = join(cache, 'snapshots/1')
    mkdirSync(snapshot, { recursive: true })
    mkdirSync(join(cache, 'blobs'))
    mkdirSync(join(cache, 'blobs-of-others'))
    writeFileSync(join(cache, 'blobs/0a1b'), 'model')
    writeFileSync(join(cache, 'blobs-of-others/2c'), 'model')
    writeFileSync(join(snapshot, 'catalogue.json'), JSON.stringify({ version: 1, models: [entry()] }))
    symlinkSync('../../blobs/0a1b', join(snapshot, 'small.onnx'))
    const refused = sentence(() => catalogue(snapshot))
    expect(refused).toContain(`to "${join(cache, 'blobs/0a1b')}"`)
    expect(refused).toContain(`roots: ['${join(cache, 'blobs')}']`)
    const roots = [join(cache, 'blobs')]
    expect(catalogue(snapshot, { roots }).source('small').path).toBe(join(snapshot, 'small.onnx'))
    expect(models([entry()], snapshot, { roots: [join(cache, 'none'), ...roots] }).ids).toEqual(['small'])
    // The catalogue itself still names what is beside it, and a folder of a like name is another.
    symlinkSync('../../blobs-of-others/2c', join(snapshot, 'other.onnx'))
    expect(sentence(() => models([entry({ file: 'other.onnx' })], snapshot, { roots }))).toMatch(/link out of/)
    expect(sentence(() => models([entry({ file: '../../blobs/0a1b' })], snapshot, { roots }))).toMatch(/without "\.\."/)
  })

  test('names the known models when asked for an unknown one', () => {
    const all = catalogue(folder({ models: [entry()] }, ['small.onnx']))
    expect(() => all.entry('huge')).toThrow(UnknownModel)
    expect(() => all.source('huge')).toThrow(/"huge".*small/)
  })

  test('cannot be changed by those who read it', () => {
    const { entry: read } = catalogue(folder({ models: [entry()] }, ['small.onnx']))
    expect(() => Object.assign(read('small').input, { width: 1 })).toThrow(TypeError)
    expect(() => (read('small').labels as string[]).push('bird')).toThrow(TypeError)
  })

  test('says behind which layers a model can be cut, in the order of the chain', () => {
    const cuts = [
      { layer: 'pool1', bytes: 400, share: 0.2 },
      { layer: 'conv2+relu3', bytes: 300, floats: 100, share: 0.5 },
    ]
    const all = models([entry({ cuts }), entry({ id: 'whole' })], '/nowhere', { missing: 'allow' })
    expect(all.cuts?.('small')).toEqual(['after:pool1', 'after:conv2+relu3'])
    expect(all.cuts?.('whole')).toEqual([])
    expect(() => all.cuts?.('huge')).toThrow(UnknownModel)
  })

  test('can be made from values as well', () => {
    const all = models([entry()], '/nowhere', { missing: 'allow' })
    expect(all.source('small').path).toBe('/nowhere/small.onnx')
  })
})

describe('what is wrong with a catalogue is said at the start', () => {
  test('no such folder', () => {
    expect(sentence(() => catalogue(join(root, 'absent')))).toMatch(/Cannot read.*catalogue\.json/)
  })

  test('not JSON', () => {
    expect(sentence(() => catalogue(folder('{"models": [')))).toMatch(/is not JSON/)
  })

  test('every fault in words, with the model it is about', () => {
    const faulty = {
      models: [
        entry({ accuracy: 80, labels: ['one'] }),
        { ...entry({ id: 'second' }), input: { name: 'x', width: 0, height: 64, std: [1, 0, 1] }, colour: 'red' },
        null,
      ],
    }
    const text = sentence(() => catalogue(folder(faulty)))
    for (const part of [
      'models[0] "small" accuracy:',
      'models[0] "small" labels:',
      'models[1] "second" input.width:',
      'models[1] "second" input.std: must not contain 0',
      'models[1] "second": Unrecognized key: "colour"',
      'models[2]:',
    ]) {
      expect(text).toContain(part)
    }
  })

  test.each([
    ['twice behind the same layer', [cut('a', 0.1), cut('a', 0.2)], /each layer once/],
    ['out of order', [cut('a', 0.3), cut('b', 0.2)], /never fall/],
    ['with more floats than bytes', [{ ...cut('a', 0.3), floats: 200 }], /more bytes of float32/],
  ])('cuts %s', (_, cuts, said) => {
    expect(sentence(() => models([entry({ cuts })], root))).toMatch(said)
  })

  test('two models of one id', () => {
    expect(sentence(() => models([entry(), entry()], root))).toMatch(/id of its own/)
  })

  test('a file that is not there or not whole, unless that is allowed', () => {
    const path = folder({ models: [entry(), entry({ id: 'other', file: 'other.onnx', bytes: 99 })] }, ['other.onnx'])
    const text = sentence(() => catalogue(path))
    expect(text).toContain('small: there is no file')
    expect(text).toMatch(/other: .* has 5 bytes, the catalogue says 99/)
    expect(catalogue(path, { missing: 'allow' }).ids).toEqual(['small', 'other'])
  })

  for (const file of [
    '../secret.onnx',
    'deep/../../secret.onnx',
    '/etc/passwd',
    'C:\\secret.onnx',
    '..\\secret.onnx',
  ]) {
    test(`a file outside the folder: ${file}`, () => {
      expect(sentence(() => models([entry({ file })], root))).toMatch(/inside the catalogue folder/)
    })
  }

  test('a link out of the folder, whenever it appears', () => {
    writeFileSync(join(root, 'outside.onnx'), 'model')
    const path = folder({ models: [entry()] })
    const late = catalogue(path, { missing: 'allow' })
    expect(late.source('small').name).toBe('small')
    symlinkSync(join(root, 'outside.onnx'), join(path, 'small.onnx'))
    expect(sentence(() => catalogue(path))).toMatch(/link out of the catalogue's folder/)
    expect(sentence(() => late.source('small'))).toMatch(/link out of the catalogue's folder/)
  })
})
