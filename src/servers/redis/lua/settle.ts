import { field } from "../wire.ts";
import { failedPart, finishPart, ownsPart, parkPart, timePart } from "./parts.ts";

/**
 * Outcomes other than a plain ack. Each checks that the entry still is ours, is one step with the settling of it, and may fail alone.
 *
 * KEYS: dead, dead ids, delayed, sequence, streams.
 * ARGV: group, consumer, keep settled entries (0 or 1), most dead letters (0 = any number), then per message: place of its stream,
 * entry, kind, count of further arguments, these. Kinds: \`a\` done; \`d\` dead letter: key in dead ids, reason, then fields that are added; \`r\` back to its
 * channel: delay, level, then fields that replace those of the same names, without a value where there is none.
 * Returns per message 1 (applied), 0 (not ours) or an error (nothing is changed), then how many dead letters were dropped.
 */
export const settleScript: string = `${timePart}${parkPart}${ownsPart}${finishPart}${failedPart}
local group, consumer, keep, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local reply = {}
local buried = false

local function bury(stream, entry, at, last)
  local found = redis.call('XRANGE', stream, entry, entry)
  if #found == 0 then return end
  local fields = found[1][2]
  fields[#fields + 1] = '${field.reason}'
  fields[#fields + 1] = ARGV[at + 1]
  for i = at + 2, last do fields[#fields + 1] = ARGV[i] end
  local place = redis.call('XADD', KEYS[1], '*', unpack(fields))
  local listed = redis.pcall('HSET', KEYS[2], ARGV[at], place)
  if type(listed) == 'table' then
    redis.call('XDEL', KEYS[1], place)
    error(listed)
  end
  buried = true
end

local function put(stream, entry, at, last)
  local found = redis.call('XRANGE', stream, entry, entry)
  if #found == 0 then return end
  local delay, level = tonumber(ARGV[at]), ARGV[at + 1]
  local replaced, fields = {}, {}
  for i = at + 2, last, 2 do replaced[ARGV[i]] = true end
  local old = found[1][2]
  for i = 1, #old, 2 do
    if not replaced[old[i]] then
      fields[#fields + 1] = old[i]
      fields[#fields + 1] = old[i + 1]
    end
  end
  for i = at + 2, last, 2 do
    if ARGV[i + 1] ~= '' then
      fields[#fields + 1] = ARGV[i]
      fields[#fields + 1] = ARGV[i + 1]
    end
  end
  if delay > 0 then park(KEYS[3], KEYS[4], now() + delay, level, fields)
  else redis.call('XADD', stream, '*', unpack(fields)) end
end

local function settle(stream, entry, kind, at, last)
  if not owns(stream, group, consumer, entry) then return 0 end
  if kind == 'd' then bury(stream, entry, at, last)
  elseif kind == 'r' then put(stream, entry, at, last) end
  finish(stream, group, entry, keep)
  return 1
end

local at = 5
while at <= #ARGV do
  local count = tonumber(ARGV[at + 3])
  local done, result = pcall(settle, KEYS[4 + tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2], at + 4, at + 3 + count)
  reply[#reply + 1] = done and result or failed(result)
  at = at + 4 + count
end

local dropped = 0
if buried and most > 0 then
  local excess = redis.call('XLEN', KEYS[1]) - most
  if excess > 0 then
    for _, letter in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', excess)) do
      for i = 1, #letter[2], 2 do
        local name, value = letter[2][i], letter[2][i + 1]
        if name == '${field.uuid}' or name == '${field.id}' then
          if redis.call('HGET', KEYS[2], value) == letter[1] then redis.call('HDEL', KEYS[2], value) end
        end
      end
      redis.call('XDEL', KEYS[1], letter[1])
      dropped = dropped + 1
    end
  end
end
reply[#reply + 1] = dropped
return reply
`;

/**
 * Sends a reply and settles the request, both or neither.
 *
 * KEYS: stream, stream of the reply. ARGV: group, consumer, keep, entry, lifetime of the reply's stream (0 = for ever), arguments of XADD.
 * Returns 1, or 0 when the request is not ours any more.
 */
export const replyScript: string = `${ownsPart}${finishPart}
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[4]) then return 0 end
redis.call('XADD', KEYS[2], unpack(ARGV, 6))
if ARGV[5] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
finish(KEYS[1], ARGV[1], ARGV[4], ARGV[3])
return 1
`;
