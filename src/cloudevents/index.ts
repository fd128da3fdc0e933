export { cloudEvents } from "./cloud-events.ts";
export type { CloudEventsOptions } from "./options.ts";
