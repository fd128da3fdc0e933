import { ConnectionError } from "../../server/errors.ts";

/** One node of a cluster is out of reach, others may not be. */
export class NodeError extends ConnectionError {
  /** Whether the command may have been executed. */
  readonly wasSent: boolean;
  constructor(message: string, wasSent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.wasSent = wasSent;
  }
}
