import { newNamespace } from "./bind.ts";
import type { ConformanceCase } from "./conformance-case.ts";

/** The same cases, each running `copies` times at once on channels of its own. */
export function stress(cases: readonly ConformanceCase[], copies: number): ConformanceCase[] {
  return cases.map((one) => ({
    ...one,
    name: `${one.name} ×${copies}`,
    timeout: one.timeout * Math.max(1, copies / 2),
    async run(context) {
      const namespaces = [context.namespace, ...Array.from({ length: copies - 1 }, newNamespace)];
      const results = await Promise.allSettled(namespaces.map((namespace) => one.run({ ...context, namespace })));
      const failures = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
      if (failures.length > 0)
        throw new AggregateError(failures, `${failures.length} of ${copies} copies failed: ${String(failures[0])}`);
    },
  }));
}
