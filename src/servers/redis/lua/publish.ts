import { field } from "../wire.ts";
import { parkPart, timePart } from "./parts.ts";

/**
 * Sends a message that is delayed or has a dedupe key. The message is written before the key: when there is no room, neither is.
 *
 * KEYS: stream, delayed, sequence, dedupe key (or any of them again).
 * ARGV: window (0 = no dedupe key), id, delay, level, arguments of XADD after the key (not used with a delay), count of
 * those, fields. Returns {1, place} or, for a duplicate, {0, id of the earlier one}.
 */
export const publishScript: string = `${timePart}${parkPart}
local window, id, delay, level, extra = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
if window > 0 then
  local earlier = redis.call('GET', KEYS[4])
  if earlier then return {0, earlier} end
end
local place
if delay > 0 then
  local at = now()
  local fields = {'${field.sent}', whole(at)}
  for i = 6 + extra, #ARGV do fields[#fields + 1] = ARGV[i] end
  place = park(KEYS[2], KEYS[3], at + delay, level, fields)
else
  place = redis.call('XADD', KEYS[1], unpack(ARGV, 6))
  if not place then return {2} end
end
if window > 0 then redis.call('SET', KEYS[4], id, 'PX', whole(window)) end
return {1, place}
`;
