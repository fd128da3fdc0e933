/** A key that tools accept everywhere: letters, digits, dots, dashes and underlines. */
export function toKey(text: string, fallback: string): string {
  const key = text.replace(/[^A-Za-z0-9._-]+/g, "_").replace(/^[._-]+|[._-]+$/g, "");
  return key === "" ? fallback : key;
}

/**
 * Gives every thing a name of its own. The same thing gets the same name again; another thing that wants a name which is
 * taken gets it with a number behind, so that nothing is overwritten. The order of asking decides, hence ask in a stable one.
 */
export class Names {
  readonly #taken = new Map<string, string>();

  /** `identity` tells things apart: their canonical JSON, say. */
  claim(wanted: string, identity: string): { readonly name: string; readonly isNew: boolean } {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? wanted : `${wanted}_${number}`;
      const holder = this.#taken.get(name);
      if (holder === identity) return { name, isNew: false };
      if (holder === undefined) {
        this.#taken.set(name, identity);
        return { name, isNew: true };
      }
    }
  }
}
