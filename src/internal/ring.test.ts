import fc from "fast-check";
import { expect, test } from "vitest";
import { Ring } from "./ring.ts";

test("a ring gives back what an array would, whatever is done to it", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("push" as const), times: fc.integer({ min: 1, max: 40 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("unshift" as const), times: fc.integer({ min: 1, max: 5 }) }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant("shift" as const), times: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("takeAll" as const), times: fc.constant(1) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ring = new Ring<number>();
      const model: number[] = [];
      let next = 0;
      for (const { kind, times } of steps) {
        for (let i = 0; i < times; i += 1) {
          next += 1;
          if (kind === "push") expect([ring.push(next), model.push(next)].length).toBe(2);
          else if (kind === "unshift") expect([ring.unshift(next), model.unshift(next)].length).toBe(2);
          else if (kind === "shift") expect(ring.shift()).toBe(model.shift());
          else expect(ring.takeAll()).toEqual(model.splice(0));
        }
        expect(ring.size).toBe(model.length);
        expect(ring.peek()).toBe(model[0]);
      }
      expect(ring.takeAll()).toEqual(model);
    }),
  );
});

test("an empty ring gives nothing", () => {
  const ring = new Ring<string>();
  expect([ring.size, ring.peek(), ring.shift(), ring.takeAll()]).toEqual([0, undefined, undefined, []]);
});

test("a large ring works on after it was emptied and gave its slots back", () => {
  const ring = new Ring<number>();
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 10_000; i += 1) ring.push(i);
    for (let i = 0; i < 10_000; i += 1) expect(ring.shift()).toBe(i);
    expect(ring.size).toBe(0);
  }
});
