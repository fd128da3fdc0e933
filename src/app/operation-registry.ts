import type { Operation } from "../contract/operation.ts";
import { DuplicateNameError, NotFoundError } from "../server/errors.ts";

/** Operations that the app sends, by name: for documentation, and for finding one whose name is only known at run time. */
export interface OperationRegistry {
  /** Registering the same operation again does nothing. Errors: `DuplicateNameError` for another one of that name. */
  register(operation: Operation): void;
  /** Errors: `NotFoundError`. */
  get(name: string): Operation;
  has(name: string): boolean;
  readonly all: readonly Operation[];
}

export function createOperationRegistry(initial: readonly Operation[] = []): OperationRegistry {
  const operations = new Map<string, Operation>();
  const registry: OperationRegistry = {
    register(operation) {
      const known = operations.get(operation.name);
      if (known !== undefined && known !== operation) {
        throw new DuplicateNameError(`Two different operations are named ${operation.name}.`);
      }
      operations.set(operation.name, operation);
    },
    get(name) {
      const operation = operations.get(name);
      if (operation === undefined) throw new NotFoundError(`Operation ${name} not found.`);
      return operation;
    },
    has: (name) => operations.has(name),
    get all() {
      return [...operations.values()];
    },
  };
  for (const operation of initial) registry.register(operation);
  return registry;
}
