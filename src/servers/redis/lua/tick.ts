import { timePart } from "./parts.ts";

/**
 * Moves messages that have become due to their streams.
 *
 * KEYS: delayed, sequence, streams. ARGV: most to move, place of the ordinary stream, levels of the streams.
 * Returns {Redis's time, moved, milliseconds until the next is due or -1, length of each stream or -1 where there is none}.
 */
export const tickScript: string = `${timePart}
local at = now()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(at), 'LIMIT', 0, tonumber(ARGV[1]))
for i = 1, #due do
  local level, packed = string.match(due[i], '^%d+:(%d+):(.*)$')
  local stream = KEYS[2 + tonumber(ARGV[2])]
  for k = 3, #ARGV do
    if ARGV[k] == level then stream = KEYS[k] end
  end
  redis.call('XADD', stream, '*', unpack(cmsgpack.unpack(packed)))
end
if #due > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #due - 1)
  if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if #next > 0 then wait = math.max(0, tonumber(next[2]) - at) end
local reply = {at, #due, wait}
for k = 3, #KEYS do
  local length = redis.call('XLEN', KEYS[k])
  if length == 0 and redis.call('EXISTS', KEYS[k]) == 0 then length = -1 end
  reply[#reply + 1] = length
end
return reply
`;
