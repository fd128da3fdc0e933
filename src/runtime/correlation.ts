/** Header that ties a reply to its request; copied to replies as it is. */
export const correlationHeader = "correlation-id";
