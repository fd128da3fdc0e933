import type { AsyncApiDocument, AsyncApiInfo } from "../document.ts";
import { type Anchors, createAnchors } from "./anchors.ts";
import { type PageOptions, pageOptions } from "./page-options.ts";
import { createResolver, type Resolver } from "./resolver.ts";

/** What all parts of one page share while it is rendered. */
export interface PageContext {
  readonly document: AsyncApiDocument;
  readonly info: AsyncApiInfo;
  readonly options: Required<PageOptions>;
  readonly resolver: Resolver;
  readonly anchors: Anchors;
}

export function createPageContext(document: AsyncApiDocument, options?: PageOptions): PageContext {
  const resolver = createResolver(document);
  return {
    document,
    info: resolver.follow(document.info)?.value ?? { title: "Untitled", version: "" },
    options: pageOptions(options),
    resolver,
    anchors: createAnchors(),
  };
}

/** Objects by name, references followed; what leads to nothing is left out. */
export function entriesOf<T>(
  context: PageContext,
  named: Readonly<Record<string, T | { readonly $ref: string }>> | undefined,
): { readonly key: string; readonly value: T; readonly pointer: readonly string[] | undefined }[] {
  return Object.entries(named ?? {}).flatMap(([key, one]) => {
    const followed = context.resolver.follow<T>(one);
    return followed === undefined ? [] : [{ key, ...followed }];
  });
}
