/** Activation functions: number by number, and computed with what makes their input where the runtime can. */
export const activations: ReadonlySet<string> = new Set(['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid'])
