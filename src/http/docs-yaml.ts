import type { AsyncApiDocument } from "../asyncapi/document.ts";

/**
 * The document as YAML. With the optional package `yaml`, in the block style that people write; without it in the flow
 * style, which is the same as JSON and just as valid.
 */
export async function documentYaml(document: AsyncApiDocument): Promise<string> {
  const yaml = await import("yaml").catch(() => undefined);
  if (yaml !== undefined) return yaml.stringify(document, { aliasDuplicateObjects: false, lineWidth: 100 });
  return `# For the block style: npm i yaml\n${JSON.stringify(document, null, 2)}\n`;
}
