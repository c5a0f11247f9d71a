/** Why the runtime refuses a model, by class. */
export type RefusalKind =
  | 'operator'
  | 'kernel'
  | 'opset'
  | 'format'
  | 'type'
  | 'external-data'
  | 'memory'
  | 'damaged'
  | 'provider'
  | 'missing'
  | 'other'

export interface Refusal {
  readonly kind: RefusalKind
  /** What is wrong and what to do about it, as sentences that continue "The runtime refuses it: …". */
  readonly why: string
}

type Rule = readonly [kind: RefusalKind, pattern: RegExp, why: (match: RegExpExecArray) => string]

/** The runtime has one error for all; its sentences, as onnxruntime 1.30 writes them, tell the classes apart. */
const rules: readonly Rule[] = [
  [
    'kernel',
    /Could not find an implementation for ([\w.:]+)\((\d+)\)/,
    ([, operator, opset]) =>
      `it is a valid model, but operator ${operator} (opset ${opset}) has no kernel for its element types on this processor. Cast its inputs to float32 in the model, or use another operator`,
  ],
  [
    'operator',
    /No Op registered for ([\w.:]+) with domain_version of (\d+)/,
    ([, operator, opset]) =>
      `it knows no operator ${operator} in opset ${opset}. Export the model with standard operators of an opset that has them`,
  ],
  [
    'operator',
    /Fatal error: ([\w.:]+)\(-?\d*\) is not a registered function\/op/,
    ([, operator]) => `it knows no operator ${operator}. Export the model with standard ONNX operators`,
  ],
  [
    'opset',
    /Opset (\d+) is under development.*?domain (\S+) is till opset (\d+)/s,
    ([, given, domain, newest]) =>
      `the model asks for opset ${given} of ${domain}, and it knows those up to ${newest}. Export it for one of them`,
  ],
  [
    'format',
    /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    ([, given, newest]) =>
      `the file has ONNX format (IR) version ${given}, and it reads those up to ${newest}. Write it with an older one`,
  ],
  [
    'external-data',
    /External data|external data|external initializer|model_external/,
    () =>
      'weights that lie outside the file are missing, too short or elsewhere. Put all files of the model into one folder, under the names that it was exported with',
  ],
  [
    'memory',
    /bad_alloc|Failed to allocate memory|out of memory|Cannot allocate memory/i,
    () => 'there is not enough memory for it. Free some, or use a smaller model',
  ],
  [
    'provider',
    /ExecutionProvider|execution provider|providers_shared/,
    () => 'the execution provider that was asked for does not work here. Use the one for the processor ("cpu")',
  ],
  ['missing', /File doesn't exist|No such file/, () => 'the file is not there. Fetch it again'],
  [
    'damaged',
    /Protobuf parsing failed|does not have a graph|ModelProto/,
    () => 'the file is damaged, cut off, or no ONNX file at all. Fetch it again, or export it again',
  ],
  [
    'type',
    /Type Error: Type '([^']*)' of (?:input|output) parameter \(([^)]*)\) of operator \(([^)]*)\)/,
    ([, type, name, operator]) =>
      `operator ${operator} takes no ${type} as "${name}" by ONNX's own rules. Export the model again`,
  ],
]

/** The class of what the runtime threw when a model was loaded. */
export function refusalOf(cause: unknown): Refusal {
  const text = (cause instanceof Error ? cause.message : String(cause)).trim()
  for (const [kind, pattern, why] of rules) {
    const match = pattern.exec(text)
    if (match !== null) return { kind, why: why(match) }
  }
  return { kind: 'other', why: `it said "${text.replace(/\.$/, '')}". Check the model with onnxruntime's own tools` }
}
