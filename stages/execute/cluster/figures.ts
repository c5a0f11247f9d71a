/** What the messages of a node have met, since its start. */
export interface RouteCounts {
  /** Came in over the node's own boundary, or from other nodes. */
  entered: number
  served: number
  /** Of those that came in: run here at once · answered by another node that held the model · nobody held it. */
  here: number
  elsewhere: number
  missed: number
  /** Of those that nobody held: loaded here · sent to another node to load it. */
  loadedHere: number
  sent: number
  /** Refused by whoever was asked last. */
  refused: number
}

/** Counts of a node. */
export class NodeFigures {
  readonly counts: RouteCounts = {
    entered: 0,
    served: 0,
    here: 0,
    elsewhere: 0,
    missed: 0,
    loadedHere: 0,
    sent: 0,
    refused: 0,
  }
}
