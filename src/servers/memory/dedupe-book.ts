import type { Clock } from "../../internal/clock.ts";
import type { Dedupe } from "../../server/server.ts";
import { AlarmQueue } from "./alarm-queue.ts";

interface Remembered {
  readonly name: string;
  readonly id: string;
  readonly due: number;
  readonly sequence: number;
}

/** Remembers dedupe keys for the length of their window and no longer, whether or not anybody sends. */
export class DedupeBook {
  readonly #clock: Clock;
  readonly #byName: Map<string, Remembered> = new Map();
  readonly #alarm: AlarmQueue<Remembered>;
  #sequence = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = new AlarmQueue({
      clock,
      time: () => clock.monotonic(),
      // A key that was claimed again after its window has a newer record, which stays.
      onDue: (item) => {
        if (this.#byName.get(item.name) === item) this.#byName.delete(item.name);
      },
      unref: true,
    });
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Id of the message that has this key now; `undefined` means that it is `id` from here on. */
  claim(channel: string, { key, window }: Dedupe, id: string): string | undefined {
    const now = this.#clock.monotonic();
    // The length keeps ("a", "bc") and ("ab", "c") apart.
    const name = `${channel.length}:${channel}${key}`;
    const earlier = this.#byName.get(name);
    if (earlier !== undefined && earlier.due > now) return earlier.id;
    this.#sequence += 1;
    const remembered: Remembered = { name, id, due: now + window, sequence: this.#sequence };
    this.#byName.set(name, remembered);
    this.#alarm.push(remembered);
    return undefined;
  }
}
