export interface Dedupe {
  readonly key: string;
  /** Milliseconds for which a second message with the key is a duplicate. */
  readonly window: number;
  readonly onDuplicate: "ignore" | "throw";
}

/** Core has validated these against `features`; times are milliseconds. */
export interface PublishOptions<Params extends object = object> {
  /** Not before this many milliseconds from now, by the broker's clock. */
  readonly delay?: number;
  /** 0…100, higher runs sooner. */
  readonly priority?: number;
  readonly expiresIn?: number;
  readonly dedupe?: Dedupe;
  readonly params?: Params;
}
