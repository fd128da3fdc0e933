/** Pieces that several scripts begin with. Everything a script touches is in KEYS, so that it runs in a cluster, too. */

/** `now()`: milliseconds since the epoch by Redis's clock; `whole(n)`: a number as text without an exponent. */
export const timePart = `
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function whole(number)
  return string.format('%.0f', number)
end
`;

/**
 * `park(delayed, sequence, due, level, fields)`: keeps a message until it is due. Members sort by time, then by a running number;
 * then follows the stream's level, and the fields as MessagePack.
 */
export const parkPart = `
local function park(delayed, sequence, due, level, fields)
  local number = redis.call('INCR', sequence)
  local place = string.format('%014.0f', number)
  redis.call('ZADD', delayed, whole(due), place .. ':' .. level .. ':' .. cmsgpack.pack(fields))
  return place
end
`;

/** `owns(stream, group, consumer, entry)`: whether the entry is pending and that consumer's. */
export const ownsPart = `
local function owns(stream, group, consumer, entry)
  return #redis.call('XPENDING', stream, group, entry, entry, 1, consumer) > 0
end
`;

/** `finish(stream, group, entry, keep)`: the entry is settled. */
export const finishPart = `
local function finish(stream, group, entry, keep)
  redis.call('XACK', stream, group, entry)
  if keep == '0' then redis.call('XDEL', stream, entry) end
end
`;

/** `fieldOf(fields, name)`: the value of a field, or nil. */
export const fieldPart = `
local function fieldOf(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
  return nil
end
`;

/** `failed(thrown)`: the error reply for what `pcall` caught. Redis throws tables, Lua itself strings. */
export const failedPart = `
local function failed(thrown)
  if type(thrown) == 'table' then return {err = thrown.err} end
  return {err = 'ERR ' .. tostring(thrown)}
end
`;
