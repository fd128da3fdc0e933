import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** A bar for people, a line per tenth for files and pipes, where a bar would leave nothing but control characters. */
export function startProgress(options: {
  readonly total: number;
  readonly done: number;
  readonly bar: boolean;
}): Progress {
  return options.bar ? startBar(options.total, options.done) : startLines(options.total, options.done);
}

function startBar(total: number, done: number): Progress {
  const bar = new SingleBar(
    {
      format: "{bar} {percentage} %  {value} of {total}",
      stream: process.stdout,
      barsize: 40,
      // The terminal stays as it is (cursor, line wrapping): after a kill -9 nobody could put it back.
      hideCursor: false,
      linewrap: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, done);
  return { update: (value) => bar.update(value), stop: () => bar.stop() };
}

function startLines(total: number, done: number): Progress {
  let printed = Math.floor((done / total) * 10);
  return {
    update(value) {
      while (printed < 10 && value >= Math.ceil((total * (printed + 1)) / 10)) {
        printed += 1;
        console.log(`${String(printed * 10).padStart(3)} %  ${Math.ceil((total * printed) / 10)} of ${total}`);
      }
    },
    stop() {},
  };
}
