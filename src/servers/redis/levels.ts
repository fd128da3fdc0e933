/** Which of the levels a priority belongs to: the highest that it reaches, or the lowest. */
export function levelOf(priority: number, levels: readonly number[]): number {
  return levels.find((level) => priority >= level) ?? (levels.at(-1) as number);
}
