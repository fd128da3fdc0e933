import { field } from "../wire.ts";
import { failedPart, timePart } from "./parts.ts";

/**
 * Moves messages that have become due to their streams. What is not ours is moved as it is; what cannot be moved stays.
 *
 * KEYS: delayed, sequence, streams. ARGV: most to move, place of the ordinary stream, levels of the streams.
 * Returns {Redis's time, moved, milliseconds until the next is due or -1, length of each stream or -1 where there is none}.
 */
export const tickScript: string = `${timePart}${failedPart}
local function read(member)
  local level, packed = string.match(member, '^%d+:(%d+):(.*)$')
  local readable, fields = pcall(cmsgpack.unpack, packed)
  if not readable or type(fields) ~= 'table' or #fields < 2 or #fields % 2 == 1 then return nil, {'${field.payload}', member} end
  return level, fields
end

local at = now()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(at), 'LIMIT', 0, tonumber(ARGV[1]))
local moved, failure = {}, nil
for i = 1, #due do
  local level, fields = read(due[i])
  local stream = KEYS[2 + tonumber(ARGV[2])]
  for k = 3, #ARGV do
    if ARGV[k] == level then stream = KEYS[k] end
  end
  local done, result = pcall(function() return redis.call('XADD', stream, '*', unpack(fields)) end)
  if done then moved[#moved + 1] = due[i] else failure = result end
end
if #moved == #due and #due > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #due - 1)
  if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
else
  -- What was moved goes, whatever became of the others: it must not be moved again.
  for i = 1, #moved do redis.call('ZREM', KEYS[1], moved[i]) end
  if failure and #moved == 0 then return failed(failure) end
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if #next > 0 then wait = math.max(0, tonumber(next[2]) - at) end
local reply = {at, #moved, wait}
for k = 3, #KEYS do
  local length = redis.call('XLEN', KEYS[k])
  if length == 0 and redis.call('EXISTS', KEYS[k]) == 0 then length = -1 end
  reply[#reply + 1] = length
end
return reply
`;
