import { MissingPeerError } from "../index.ts";

/** The optional package `yaml`, loaded where YAML is really read or written. Errors: `MissingPeerError`. */
async function loadYaml(): Promise<typeof import("yaml")> {
  try {
    return await import("yaml");
  } catch (cause) {
    throw new MissingPeerError("npm i yaml", "YAML", { cause });
  }
}

export async function parseYaml(text: string): Promise<unknown> {
  const yaml = await loadYaml();
  // Aliases that multiply are an old way to fill a memory.
  return yaml.parse(text, { maxAliasCount: 1000 });
}

export async function writeYaml(value: unknown): Promise<string> {
  const yaml = await loadYaml();
  return yaml.stringify(value, { aliasDuplicateObjects: false, lineWidth: 100 });
}
