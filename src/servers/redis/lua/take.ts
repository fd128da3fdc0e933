/**
 * Takes new messages of several streams, in the order given and not more than so many in all. The first pass leaves room for the others.
 *
 * KEYS: streams. ARGV: group, consumer, most, then per stream the most of the first pass.
 * Returns {place of the stream, entries} of those that had some; when there is nothing at all, the last id of each stream instead, from
 * which a blocking read can tell whether something came.
 */
export const takeScript: string = `
local left = tonumber(ARGV[3])
local found = {}
local function read(i, most)
  if most <= 0 then return end
  local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', most, 'STREAMS', KEYS[i], '>')
  if reply then
    left = left - #reply[1][2]
    found[#found + 1] = {i, reply[1][2]}
  end
end
for i = 1, #KEYS do read(i, math.min(left, tonumber(ARGV[3 + i]))) end
if #found > 0 then
  for i = 1, #KEYS do read(i, left) end
  return {found, {}}
end
local last = {}
for i = 1, #KEYS do
  local info = redis.call('XINFO', 'STREAM', KEYS[i])
  for k = 1, #info, 2 do
    if info[k] == 'last-generated-id' then last[i] = info[k + 1] end
  end
end
return {{}, last}
`;
