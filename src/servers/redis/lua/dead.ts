/** Removes a dead letter. KEYS: dead, dead ids. ARGV: entry, its key in dead ids. Returns how many were removed. */
export const removeDeadScript: string = `
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[2]) end
return redis.call('XDEL', KEYS[1], ARGV[1])
`;

/**
 * Sends a copy of a dead letter and removes the original, both or neither.
 *
 * KEYS: dead, dead ids, stream of the copy. ARGV: entry, its key in dead ids, fields of the copy. Returns 1, or 0 when it is gone.
 */
export const replayScript: string = `
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 3))
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[2]) end
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
`;
