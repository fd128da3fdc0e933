const no = { level: "unsupported" } as const;

/** What the folder can do. What it cannot do is refused by the core, by name, instead of being ignored. */
export const features = {
  ...{ delay: no, retryDelay: no, priority: no, deadLetter: no, deliveryCount: no, lease: no, expiry: no, dedupe: no },
  ...{ broadcast: no, atomicReply: no, batchPublish: no, inspect: no, purge: no, transactionalSend: no },
  reject: { level: "native", note: "The file goes back under its old name." },
  ordering: { level: "native", note: "First in, first out of one process." },
  requestReply: { level: "emulated" },
  pause: { level: "native" },
  durable: { level: "native" },
} as const;
