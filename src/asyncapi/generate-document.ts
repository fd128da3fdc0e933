import type { AppInfo } from "../contract/app-info.ts";
import { choiceOption } from "../server/option.ts";
import { canonical } from "./canonical.ts";
import { Channels } from "./channels.ts";
import type { AsyncApiDocument, AsyncApiInfo, AsyncApiServer } from "./document.ts";
import type { AsyncApiOptions, DocumentSource } from "./document-source.ts";
import { MessageShop } from "./messages.ts";
import { Names, toKey } from "./names.ts";
import { Operations } from "./operations.ts";
import { serverObject } from "./servers.ts";
import { defined, Workshop } from "./workshop.ts";

function infoObject(info: AppInfo, workshop: Workshop): AsyncApiInfo {
  const { title = "millrace", version = "0.0.0", description, termsOfService, contact, license } = info;
  const { tags, externalDocs } = workshop.described({ tags: info.tags, externalDocs: info.externalDocs });
  return defined<AsyncApiInfo>({
    title,
    version,
    description,
    termsOfService,
    contact: contact === undefined || Object.keys(contact).length === 0 ? undefined : { ...contact },
    license: license === undefined ? undefined : { ...license },
    tags,
    externalDocs,
  });
}

/**
 * Describes an app as an AsyncAPI document: a new plain JSON value, the same for the same app. Nothing is connected, and
 * no credentials are in it. Errors: `OptionError` for what cannot be described.
 */
export function generateDocument(source: DocumentSource, options: AsyncApiOptions = {}): AsyncApiDocument {
  const version = choiceOption("version of asyncapi()", options.version ?? "3.1.0", ["3.1.0", "3.0.0"]);
  const workshop = new Workshop(source, options);
  const channels = new Channels();
  const operations = new Operations(workshop, new MessageShop(workshop), channels).all(source.plans, source.operations);
  const keys = new Names();
  const serverKeys = new Map(
    [...source.servers.keys()].map((name) => [name, keys.claim(toKey(name, "server"), name).name]),
  );
  const servers: Record<string, AsyncApiServer> = {};
  const seen = new Set<string>();
  for (const [name, server] of source.servers) {
    const shown = serverObject(server.info, workshop);
    // The official validator takes two servers that look alike for one that a channel names twice.
    const isDouble = seen.has(canonical(shown));
    seen.add(canonical(shown));
    servers[serverKeys.get(name) as string] = isDouble ? { ...shown, "x-name": name } : shown;
  }
  const document: AsyncApiDocument = {
    asyncapi: version,
    info: infoObject(source.info, workshop),
    defaultContentType: "application/json",
    servers,
    channels: channels.all(workshop, serverKeys),
    operations,
    components: workshop.components,
  };
  // What users gave (examples, bindings, extensions) is copied, and what JSON does not have is gone.
  return JSON.parse(JSON.stringify(document)) as AsyncApiDocument;
}
