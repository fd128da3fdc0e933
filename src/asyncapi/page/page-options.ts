/** What a page of an AsyncAPI document shows. All of it by default. */
export interface PageOptions {
  /** Navigation and search. */
  readonly sidebar?: boolean;
  /** Title, version, description, contact, licence and tags. */
  readonly info?: boolean;
  readonly servers?: boolean;
  /** What the app receives and sends, with messages, schemas and examples. */
  readonly operations?: boolean;
  readonly channels?: boolean;
  /** An index of the messages; those that no operation shows, in full. */
  readonly messages?: boolean;
  readonly schemas?: boolean;
  /** What is wrong with the document, such as references to nothing. */
  readonly errors?: boolean;
  /** Examples are open; otherwise a click opens them. */
  readonly expandExamples?: boolean;
}

export function pageOptions(given: PageOptions = {}): Required<PageOptions> {
  const { sidebar, info, servers, operations, channels, messages, schemas, errors, expandExamples } = given;
  return {
    sidebar: sidebar ?? true,
    info: info ?? true,
    servers: servers ?? true,
    operations: operations ?? true,
    channels: channels ?? true,
    messages: messages ?? true,
    schemas: schemas ?? true,
    errors: errors ?? true,
    expandExamples: expandExamples ?? true,
  };
}
