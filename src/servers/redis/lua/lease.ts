import { field } from "../wire.ts";
import { fieldPart, ownsPart } from "./parts.ts";

/**
 * Renews leases of entries that are ours; steals nothing and counts nothing.
 *
 * KEYS: stream. ARGV: group, consumer, entries. Returns the entries that are ours.
 */
export const extendScript: string = `${ownsPart}
local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0}
for i = 3, #ARGV do
  if owns(KEYS[1], ARGV[1], ARGV[2], ARGV[i]) then claim[#claim + 1] = ARGV[i] end
end
if #claim == 5 then return {} end
claim[#claim + 1] = 'JUSTID'
return redis.call(unpack(claim))
`;

/**
 * Counts the delivery of a suspect, now that its handler starts.
 *
 * KEYS: stream. ARGV: group, consumer, entry, count. Returns 1, or 0 when it is not ours.
 */
export const beginScript: string = `${ownsPart}
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
`;

/**
 * Takes over entries whose lease ran out. A suspect's delivery is not counted yet. Entries that were deleted from the stream are let go.
 *
 * KEYS: stream. ARGV: group, consumer, lease, most, where to start, lapses that make a suspect.
 * Returns {where to go on or false, entries of our own that we do not renew, how many were deleted, taken: {entry, fields, count, whether this delivery is part of it}}.
 */
export const reclaimScript: string = `${fieldPart}
local stream, group, consumer, most, suspect = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[6])
local stale = redis.call('XPENDING', stream, group, 'IDLE', ARGV[3], ARGV[5], '+', most)
local own, taken, deleted = {}, {}, 0
for _, pending in ipairs(stale) do
  local entry, owner, count = pending[1], pending[2], pending[4]
  if owner == consumer then
    own[#own + 1] = entry
  else
    local found = redis.call('XRANGE', stream, entry, entry)
    if #found == 0 then
      redis.call('XACK', stream, group, entry)
      deleted = deleted + 1
    else
      local fields = found[1][2]
      local lapses = tonumber(fieldOf(fields, '${field.lapses}') or '0') or 0
      local counted = 0
      if lapses + count < suspect then
        count = count + 1
        counted = 1
      end
      redis.call('XCLAIM', stream, group, consumer, 0, entry, 'RETRYCOUNT', count, 'JUSTID')
      taken[#taken + 1] = {entry, fields, count, counted}
    end
  end
end
local next = false
if #stale == most then next = '(' .. stale[#stale][1] end
return {next, own, deleted, taken}
`;

/**
 * Entries of our own that we do not hold (any more): delivered over a connection that broke, which is not counted again, or left without a
 * result, which is.
 *
 * KEYS: stream. ARGV: group, consumer, 1 to count or 0, entries. Returns {entry, fields, count, 1} of those that are there.
 */
export const recoverScript: string = `
local taken = {}
for i = 4, #ARGV do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if #pending > 0 then
    local found = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
    if #found == 0 then
      redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
    else
      local count = pending[1][4] + tonumber(ARGV[3])
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'RETRYCOUNT', count, 'JUSTID')
      taken[#taken + 1] = {ARGV[i], found[1][2], count, 1}
    end
  end
end
return taken
`;

/**
 * Removes consumers that own nothing and have been silent for long; one that owns something keeps it.
 *
 * KEYS: stream. ARGV: group, milliseconds of silence, a consumer to remove however long it has been silent. Returns how many.
 */
export const consumersScript: string = `
local removed = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local one = {}
  for i = 1, #info, 2 do one[info[i]] = info[i + 1] end
  if one['pending'] == 0 and (one['idle'] > tonumber(ARGV[2]) or one['name'] == ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], one['name'])
    removed = removed + 1
  end
end
return removed
`;
