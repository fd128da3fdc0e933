import type { Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

/** What happens to the bytes of one direction. */
export interface Flow {
  readonly drop: boolean;
  readonly hold: boolean;
  /** Milliseconds. */
  readonly latency: number;
  /** Bytes per second. */
  readonly bandwidth: number;
  /** Bytes per write. */
  readonly slice: number;
  /** Milliseconds. */
  readonly coalesce: number;
}

/** "last": the end of the stream comes right behind this. */
export type Verdict = "pass" | "last" | "swallow";

interface Parcel {
  /** `undefined` is the end of the stream. */
  readonly bytes: Buffer | undefined;
  readonly arrived: number;
}

/** More is not read until something is written: back pressure, as a real network has it. */
const heldAtMost = 1 << 20;

/** Carries what one socket reads to the other, with faults. */
export class FaultyStream {
  readonly #from: Socket;
  readonly #to: Socket;
  #flow: Flow;
  /** Whether bytes were lost. */
  #torn = false;
  #ended = false;
  #queue: Parcel[] = [];
  #held = 0;
  #pumping = false;
  #changed = new AbortController();

  constructor(from: Socket, to: Socket, flow: Flow, judge: (chunk: Buffer) => Verdict) {
    this.#from = from;
    this.#to = to;
    this.#flow = flow;
    from.on("data", (chunk: Buffer) => {
      const verdict = judge(chunk);
      if (verdict === "swallow") return;
      this.#arrive(chunk);
      if (verdict === "last") this.#end();
    });
    from.on("end", () => this.#end());
    this.#read();
  }

  get flow(): Flow {
    return this.#flow;
  }

  get torn(): boolean {
    return this.#torn;
  }

  set(flow: Flow): void {
    this.#flow = flow;
    this.#changed.abort();
    this.#changed = new AbortController();
    this.#read();
    void this.#pump();
  }

  #arrive(bytes: Buffer): void {
    if (this.#flow.drop) {
      this.#torn = true;
      return;
    }
    this.#queue.push({ bytes, arrived: performance.now() });
    this.#held += bytes.length;
    this.#read();
    void this.#pump();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#flow.drop) {
      this.#torn = true;
      return;
    }
    this.#queue.push({ bytes: undefined, arrived: performance.now() });
    void this.#pump();
  }

  #read(): void {
    if (this.#flow.hold || this.#held > heldAtMost) this.#from.pause();
    else this.#from.resume();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#queue.length > 0 && !this.#to.destroyed) {
      if (await this.#notYet()) continue;
      if (this.#flow.drop) {
        this.#lose();
        continue;
      }
      const bytes = this.#take();
      if (bytes === undefined) {
        this.#queue.shift();
        this.#to.end();
      } else await this.#write(bytes);
    }
    this.#pumping = false;
  }

  /** Waits until the first parcel is due, or until the faults change; then it must be asked again. */
  async #notYet(): Promise<boolean> {
    const { hold, latency, coalesce } = this.#flow;
    const [first] = this.#queue;
    if (first === undefined) return true;
    const due = hold ? Number.POSITIVE_INFINITY : first.arrived + latency + coalesce;
    const wait = due - performance.now();
    if (wait <= 0) return false;
    await this.#pause(Math.min(wait, 1000));
    return true;
  }

  /** What was still on its way when the network went away. */
  #lose(): void {
    this.#queue = [];
    this.#held = 0;
    this.#torn = true;
    this.#read();
  }

  /** The bytes to write next: one parcel, or all there are when they are to come together. */
  #take(): Buffer | undefined {
    if (this.#queue[0]?.bytes === undefined) return undefined;
    const end = this.#queue.findIndex(({ bytes }) => bytes === undefined);
    const ready = end === -1 ? this.#queue.length : end;
    const parcels = this.#queue.splice(0, this.#flow.coalesce > 0 ? ready : 1);
    return Buffer.concat(parcels.flatMap(({ bytes }) => bytes ?? []));
  }

  async #write(bytes: Buffer): Promise<void> {
    let at = 0;
    while (at < bytes.length && !this.#to.destroyed && !this.#flow.drop) {
      const { bandwidth, slice } = this.#flow;
      // Twenty pieces a second make it even.
      const size = Math.max(1, Math.min(slice, Math.ceil(bandwidth / 20), bytes.length - at));
      const piece = bytes.subarray(at, at + size);
      at += size;
      await new Promise((resolve) => this.#to.write(piece, resolve));
      this.#held -= size;
      if (bandwidth !== Number.POSITIVE_INFINITY) await this.#pause((size / bandwidth) * 1000);
      // Writes of one turn leave in one segment.
      else if (slice !== Number.POSITIVE_INFINITY) await nextTurn();
    }
    if (at < bytes.length) this.#torn = true;
    this.#held -= bytes.length - at;
    this.#read();
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#changed.signal }).catch(() => undefined);
  }
}
