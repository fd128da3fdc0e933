/** Named priorities; any whole number from 0 to 100 will do, higher runs sooner. */
export const priority: Readonly<Record<"critical" | "high" | "normal" | "low", number>> = {
  critical: 100,
  high: 50,
  normal: 10,
  low: 1,
};
