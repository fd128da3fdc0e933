import { statfsSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";

/** Where a result comes from. Nothing here names the machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly system: string;
  readonly disk: string;
  readonly node: string;
  readonly sqlite: string;
}

const fileSystems: Readonly<Record<number, string>> = {
  [0xef53]: "ext4",
  [0x58465342]: "xfs",
  [0x9123683e]: "btrfs",
  [0x2fc12fc1]: "zfs",
  [0x01021994]: "tmpfs",
  [0x794c7630]: "overlay",
};

export function describeMachine(folder: string): Machine {
  const type = statfsSync(folder).type;
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()} ${arch()}`,
    disk: platform() === "linux" ? (fileSystems[type] ?? `0x${type.toString(16)}`) : "unknown",
    node: process.version,
    sqlite: process.versions["sqlite"] ?? "unknown",
  };
}

/** Milliseconds that all processes together have used since the machine started. */
function busy(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Measures what other processes do. */
export class Neighbours {
  readonly #busy: number = busy();
  readonly #start: number = performance.now();
  readonly #own: NodeJS.CpuUsage = process.cpuUsage();

  /**
   * Cores that others used on average since this was made.
   * @param children microseconds that our own child processes used
   */
  share(children: number): number {
    const { user, system } = process.cpuUsage(this.#own);
    const others = busy() - this.#busy - (user + system + children) / 1000;
    return Math.max(0, others / (performance.now() - this.#start));
  }
}
