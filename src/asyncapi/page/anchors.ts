export type AnchorKind = "server" | "operation" | "channel" | "message" | "schema";

/** Names of places on a page: unique, fit for a URL, and the same for the same document. */
export interface Anchors {
  /** The place of something that the document names; `label`: what to call it, if the name is no good for that. */
  of(kind: AnchorKind, name: string, label?: string): string;
  /** A place within another, such as a property. */
  within(parent: string, name: string): string;
}

function slug(name: string): string {
  return name.replace(/[^\p{L}\p{N}._~[\]-]+/gu, "-").slice(0, 120) || "-";
}

export function createAnchors(): Anchors {
  const taken = new Set<string>();
  const known = new Map<string, string>();

  function claim(wanted: string): string {
    let id = wanted;
    for (let count = 2; taken.has(id); count += 1) id = `${wanted}-${count}`;
    taken.add(id);
    return id;
  }

  return {
    of(kind, name, label = name) {
      const key = `${kind} ${name}`;
      const id = known.get(key) ?? claim(`${kind}-${slug(label)}`);
      known.set(key, id);
      return id;
    },
    within: (parent, name) => claim(`${parent}.${slug(name)}`),
  };
}
