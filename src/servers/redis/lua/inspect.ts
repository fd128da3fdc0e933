import { timePart } from "./parts.ts";

const groupPart = `
local function groupOf(stream, name)
  if redis.call('EXISTS', stream) == 0 then return nil end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local one = {}
    for i = 1, #info, 2 do one[info[i]] = info[i + 1] end
    if one['name'] == name then return one end
  end
  return nil
end
`;

/**
 * KEYS: delayed, dead, streams. ARGV: group, keep settled entries.
 * Returns {Redis's time, ready, in flight, delayed, overdue, dead, time of the oldest ready entry or '', of the oldest overdue or ''}.
 */
export const statsScript: string = `${timePart}${groupPart}
local at = now()
local ready, held, oldest = 0, 0, ''
for i = 3, #KEYS do
  local length = redis.call('XLEN', KEYS[i])
  local group = groupOf(KEYS[i], ARGV[1])
  local start = '-'
  if group then
    held = held + group['pending']
    start = '(' .. group['last-delivered-id']
    if ARGV[2] == '1' then length = group['lag'] or #redis.call('XRANGE', KEYS[i], start, '+')
    else length = length - group['pending'] end
  end
  ready = ready + math.max(0, length)
  if length > 0 then
    local first = redis.call('XRANGE', KEYS[i], start, '+', 'COUNT', 1)
    if #first > 0 then
      local time = string.match(first[1][1], '^%d+')
      if oldest == '' or tonumber(time) < tonumber(oldest) then oldest = time end
    end
  end
end
local delayed = redis.call('ZCARD', KEYS[1])
local overdue = redis.call('ZCOUNT', KEYS[1], '-inf', whole(at))
local due = ''
if overdue > 0 then due = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] end
return {at, ready, held, delayed, overdue, redis.call('XLEN', KEYS[2]), oldest, due}
`;

/**
 * Removes messages that nobody holds, up to so many from each stream.
 *
 * KEYS: delayed, sequence, streams. ARGV: group, keep settled entries, most, then per stream the last entry that may go, or '' in the first
 * call. Returns {removed, whether there is more, last entries for the next call}.
 */
export const purgeScript: string = `${groupPart}
local most = tonumber(ARGV[3])
local removed = redis.call('ZCARD', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
local more, ends = 0, {}
for i = 3, #KEYS do
  ends[i - 2] = ARGV[i + 1] or ''
  local length = redis.call('XLEN', KEYS[i])
  if length > 0 then
    local group = groupOf(KEYS[i], ARGV[1])
    if group == nil and ARGV[2] == '0' or group and group['pending'] == 0 and ARGV[2] == '0' then
      removed = removed + redis.call('XTRIM', KEYS[i], 'MAXLEN', 0)
    elseif group then
      if ends[i - 2] == '' then ends[i - 2] = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1][1] end
      local found = redis.call('XRANGE', KEYS[i], '(' .. group['last-delivered-id'], ends[i - 2], 'COUNT', most)
      if ARGV[2] == '1' then
        if #found > 0 then redis.call('XGROUP', 'SETID', KEYS[i], ARGV[1], found[#found][1]) end
      else
        for _, entry in ipairs(found) do redis.call('XDEL', KEYS[i], entry[1]) end
      end
      removed = removed + #found
      if #found == most then more = 1 end
    end
  end
end
return {removed, more, ends}
`;
