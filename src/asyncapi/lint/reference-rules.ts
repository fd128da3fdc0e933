import { isReference, pathOfReference, pointerOf, valueAt } from "../reference.ts";
import { isPlain, type LintView, type Path, visitValues } from "./lint-view.ts";

/** A property that is named `$ref`, or an example with one, is data. */
function isData(path: Path): boolean {
  return ["examples", "const", "default", "enum"].some((key) => path.includes(key)) || path.at(-1) === "properties";
}

/** References lead somewhere, and not to another file or server. */
export function lintReferences(view: LintView): void {
  visitValues(view.document, (value, path) => {
    if (!isReference(value) || isData(path)) return;
    const target = pathOfReference(value.$ref);
    const here = [...path, "$ref"];
    if (target !== undefined) {
      if (valueAt(view.document, target) !== undefined) return;
      view.report("unresolved-reference", "error", here, `${value.$ref} leads nowhere.`);
    } else if (value.$ref.startsWith("#")) {
      view.report("unresolved-reference", "error", here, `${value.$ref} is no JSON pointer.`);
    } else {
      view.report("external-reference", "warning", here, `${value.$ref} is outside: a reader has to fetch it.`);
    }
  });
}

/** Components that nothing refers to, directly or through others. */
export function lintUnused(view: LintView): void {
  const { components, ...rest } = view.document;
  const reached = new Set<string>();
  const waiting: unknown[] = [rest];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    visitValues(value, (one) => {
      const target = isReference(one) ? pathOfReference(one.$ref) : undefined;
      const [root, group, name] = target ?? [];
      if (root !== "components" || group === undefined || name === undefined) return;
      const key = pointerOf([group, name]);
      if (reached.has(key)) return;
      reached.add(key);
      const found = valueAt(components, [group, name]);
      if (found !== undefined) waiting.push(found);
    });
  }
  for (const [group, entries] of Object.entries(components ?? {})) {
    for (const name of isPlain(entries) && !group.startsWith("x-") ? Object.keys(entries) : []) {
      if (reached.has(pointerOf([group, name]))) continue;
      view.report("unused-component", "warning", ["components", group, name], `Nothing refers to ${name}.`);
    }
  }
}
