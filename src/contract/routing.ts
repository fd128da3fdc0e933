import { findHeader, type MessageHeaders } from "../internal/headers.ts";

/** What routing may look at. */
export interface RoutableMessage {
  readonly headers: MessageHeaders;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly replyTo: string | undefined;
  readonly channel: string;
}

export interface RoutingTarget {
  /** Value of the topic header that selects the actor. */
  readonly topic: string;
  /** Header that carries it; `false`: there is none. */
  readonly topicHeader: string | false;
}

/** Makes the test whether a message is for an actor. Called once per actor when the worker starts. */
export type Routing = (target: RoutingTarget) => (message: RoutableMessage) => boolean;

/** Default: the topic header equals the actor's topic, exactly. */
export const byTopic: Routing = ({ topic, topicHeader }) =>
  function matchesTopic({ headers }) {
    return topicHeader !== false && findHeader(headers, topicHeader) === topic;
  };

/** Takes every message of the channel that no earlier actor took. Register it last. */
export const catchAll: Routing = () =>
  function matchesAll() {
    return true;
  };
