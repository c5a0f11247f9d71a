/* Examines one model after another, as its parent sends them: a crash of the runtime ends this process alone. */
import { examine, type Subject } from './examine.ts'
import { ownInputs } from './suite.ts'

process.on('message', async (subject: Subject) => {
  process.send?.(await examine(subject, (model) => ownInputs(subject, model)))
})
process.on('disconnect', () => process.exit())
