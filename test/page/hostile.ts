import type { AsyncApiDocument } from "../../src/asyncapi/document.ts";

/** What every text of a document tries to be. Each attempt that works calls `pwned`. */
const attacks = [
  "</script><script>pwned(1)</script>",
  "<img src=x onerror=pwned(2)>",
  '" onmouseover="pwned(3)" x=\'',
  "[click](javascript:pwned(4)) and [this](JaVaScRiPt:pwned(5)) and [data](data:text/html,<script>pwned(6)</script>)",
  "--><svg onload=pwned(7)>",
  "`</code><script>pwned(8)</script>`",
  "</style><script>pwned(9)</script>",
  'https://example.com/"onclick=pwned(10)',
  "{{constructor.constructor('pwned(11)')()}} \u2028\u2029 #{pwned(12)}",
];
const attack: string = attacks.join("\n\n");
const url = "javascript:pwned(13)";
const name = attacks.join(" ");

/** A document in which every text, name, key, address, example and URL attacks its page. */
export const hostile: AsyncApiDocument = {
  asyncapi: "3.1.0",
  id: url,
  info: {
    title: name,
    version: name,
    description: attack,
    termsOfService: url,
    contact: { name, url, email: `x@example.com?${name}` },
    license: { name, url },
    tags: [{ name, description: attack, externalDocs: { url, description: attack } }],
    externalDocs: { url, description: attack },
    [`x-${name}`]: { [name]: name },
  },
  servers: {
    [name]: {
      host: name,
      pathname: name,
      protocol: name,
      title: name,
      summary: attack,
      description: attack,
      variables: { [name]: { enum: [name], default: name, description: attack, examples: [name] } },
      security: [{ type: name, description: attack, [name]: name }],
      bindings: { [name]: { [name]: name } },
    },
  },
  channels: {
    c: {
      address: name,
      title: name,
      description: attack,
      parameters: { [name]: { description: attack, enum: [name], location: name } },
      messages: {
        m: {
          name,
          title: name,
          summary: attack,
          description: attack,
          contentType: name,
          correlationId: { location: name, description: attack },
          payload: {
            type: "object",
            title: name,
            description: attack,
            required: [name],
            properties: {
              [name]: {
                type: name,
                format: name,
                pattern: name,
                default: name,
                enum: [name],
                examples: [name],
                title: name,
              },
              __proto__: { type: "string" },
              constructor: { $ref: "#/components/schemas/constructor" },
              gone: { $ref: name },
            },
            oneOf: [{ title: name, properties: { [name]: true } }, { $ref: "#/nowhere/__proto__" }],
          },
          headers: { schemaFormat: name, schema: name },
          examples: [{ name, summary: attack, payload: { [name]: attack }, headers: { [name]: attack } }],
          bindings: { [name]: name },
        },
      },
    },
  },
  operations: {
    [name]: {
      action: "receive",
      channel: { $ref: "#/channels/c" },
      title: name,
      summary: attack,
      description: attack,
      tags: [{ name }],
      reply: { address: { location: name, description: attack } },
    },
  },
  components: { schemas: { [name]: { type: "object", description: attack } } },
};

const texts = ["title", "summary", "description"];

/** A valid document with attacks where text may be anything, so that viewers that check documents show it, too. */
export function withHostileTexts(document: AsyncApiDocument): AsyncApiDocument {
  const text = JSON.stringify(document, (key, value) =>
    texts.includes(key) && typeof value === "string" ? attack : value,
  );
  return JSON.parse(text) as AsyncApiDocument;
}
