/** Makes a document when it is first asked for, and again when what it depends on is no longer the same. */
export function cacheDocument<T>(make: () => T, dependencies: () => readonly unknown[]): () => T {
  let made: { readonly document: T; readonly of: readonly unknown[] } | undefined;
  return () => {
    const now = dependencies();
    const known = made;
    if (known !== undefined && known.of.length === now.length && now.every((one, index) => one === known.of[index])) {
      return known.document;
    }
    made = { document: make(), of: now };
    return made.document;
  };
}
