import { catchAll, createRouter, fixed as fixedPause, type Router } from "millrace";
import * as z from "zod";

export const channel = "webhooks";

/** The events that have an actor of their own. */
export const ownEvents = ["push", "pull_request", "issues", "release", "star"] as const;

/** Payloads are large; each schema names the parts that its actor uses, and the rest may change as it likes. */
const repository = z.object({ full_name: z.string() });
const user = z.object({ login: z.string() });

const push = z.object({
  ref: z.string().transform((ref) => ref.replace(/^refs\/(heads|tags)\//, "")),
  deleted: z.boolean(),
  commits: z.array(z.object({ id: z.string().length(40), message: z.string() })),
  pusher: z.object({ name: z.string() }),
  repository,
});

const pullRequest = z.object({
  action: z.string(),
  number: z.int().positive(),
  pull_request: z.object({ title: z.string(), user, additions: z.int().min(0), deletions: z.int().min(0) }),
  repository,
});

const issue = z.object({
  action: z.string(),
  issue: z.object({ number: z.int().positive(), title: z.string(), locked: z.boolean().optional() }),
  repository,
});

const release = z.object({
  action: z.string(),
  release: z.object({ tag_name: z.string(), prerelease: z.boolean() }),
  repository,
});

const star = z.object({
  action: z.enum(["created", "deleted"]),
  starred_at: z.iso.datetime(),
  sender: user,
  repository,
});

/** The bug fixed: GitHub sends `null` when a star is taken back. */
const fixedStar = star.extend({ starred_at: z.iso.datetime().nullable() });

class MirrorBusyError extends Error {
  override readonly name = "MirrorBusyError";
}

/**
 * Five actors and a catch-all. Topics are the names of GitHub's events, and what an actor returns ends up in the
 * results. Two of them have a bug, so that there are dead letters to look at; `fixed` is the version after the fix.
 */
export function webhookActors({ fixed }: { readonly fixed: boolean }): Router {
  const router = createRouter({ channel, timeout: "30s" });

  router.actor({ name: "push", payload: push }, ({ payload: { ref, deleted, commits, pusher, repository } }) =>
    deleted
      ? `${pusher.name} deleted ${ref} of ${repository.full_name}`
      : `${pusher.name} pushed ${commits.length} commits to ${ref} of ${repository.full_name}`,
  );

  router.actor({ name: "pull_request", payload: pullRequest }, ({ payload: { action, number, pull_request } }) => {
    const { title, user, additions, deletions } = pull_request;
    return `#${number} ${action}: ${title} (${user.login}, +${additions} -${deletions})`;
  });

  // Fails on purpose: an error that no schema can foresee. Without a retry policy the first one dead-letters.
  router.actor({ name: "issues", payload: issue }, ({ payload: { action, issue } }) => {
    if (issue.locked && !fixed) throw new Error(`cannot comment on issue #${issue.number}: it is locked`);
    return `#${issue.number} ${action}: ${issue.title}`;
  });

  // Fails at first, and works when tried again: what a retry policy is for.
  router.actor(
    { name: "release", payload: release, retry: { attempts: 3, backoff: fixedPause({ delay: "200ms" }) } },
    ({ payload: { action, release }, attempt }) => {
      if (action === "published" && attempt === 1)
        throw new MirrorBusyError(`mirror busy, no room for ${release.tag_name}`);
      return `${release.tag_name} ${action}${release.prerelease ? " (prerelease)" : ""}`;
    },
  );

  // Its schema expects a date too many: real payloads find such bugs, and the message is kept until it is fixed.
  router.actor(
    { name: "star", payload: fixed ? fixedStar : star },
    ({ payload: { action, sender, repository } }) => `${sender.login}: star of ${repository.full_name} ${action}`,
  );

  // Registered last: the 53 events that nobody asked for. Without it they would be dead-lettered as unrouted.
  router.actor(
    { name: "others", routing: catchAll },
    ({ message }) => `${message.header("x-github-event")}: nothing to do`,
  );

  return router;
}
