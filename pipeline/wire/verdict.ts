/**
 * What a message came to at a node. `answered` · `broken`: unreadable, or lost with an executor · `silent`: no sign of life,
 * though others gave some · `late`: answered, after it was thought silent · `doubtful`: a failure, a refusal, a drop, or its time ended there; that may be the message's
 * own fault, or the load's, and counts as far as others do better.
 */
export type Verdict = 'answered' | 'broken' | 'silent' | 'late' | 'doubtful'
