export { createVirtualClock, type VirtualClock } from "../internal/virtual-clock.ts";
export { callActor } from "./call-actor.ts";
export { type ContractExpectation, type ContractOptions, expectContract } from "./expect-contract.ts";
export type { ProcessedMessage, RecordFilter, SentMessage } from "./record.ts";
export type { RecordedEvent } from "./recorder.ts";
export { createTestClient, type Override, type TestClient, type TestClientOptions } from "./test-client.ts";
