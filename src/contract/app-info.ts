import type { ExternalDocs, Tag } from "../server/server-info.ts";

/** What the documentation says of the app. */
export interface AppInfo {
  /** Default `"millrace"`. */
  readonly title?: string;
  /** Default `"0.0.0"`. */
  readonly version?: string;
  readonly description?: string;
  readonly termsOfService?: string;
  readonly contact?: { readonly name?: string; readonly url?: string; readonly email?: string };
  readonly license?: { readonly name: string; readonly url?: string };
  /** A tag that is only named elsewhere in the app gets its description from here. */
  readonly tags?: readonly (string | Tag)[];
  readonly externalDocs?: ExternalDocs;
}
