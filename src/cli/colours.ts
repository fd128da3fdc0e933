/** Whether results may have colours: somebody looks at them, and does not mind (https://no-color.org). */
export function stdoutColours(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR: none = "", TERM: terminal } = env;
  return isTerminal && none === "" && terminal !== "dumb";
}
