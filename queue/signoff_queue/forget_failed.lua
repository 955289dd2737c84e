-- Forget jobs of RQ's failed registry that are dead letters now. A job that was removed from the registry
-- meanwhile, or published again with other data, is left alone. A job that is too large to be read stays in
-- Redis; the others are deleted.
--
-- KEYS[1]  sorted set  RQ's failed registry: job ids
-- KEYS[2]  set         keys of jobs that are too large to be read
-- (hash)               one per job, named ARGV[1] .. id
-- (stream)             the results of each, named ARGV[2] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  prefix of its results' key
-- ARGV[3]  the most bytes of a job's data   ARGV[4]  the longest id
-- ARGV[5]  the most jobs that take_failed.lua looks at
-- ARGV[6]  number of pairs
-- ARGV[7]… pairs: id; the mark of its data from take_failed.lua. Then the mark of each id that is too long
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
local refused = wrong_type({[KEYS[1]] = 'zset', [KEYS[2]] = 'set'})
if refused then
    return refused
end
local largest, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
local last, forgotten = 6 + 2 * tonumber(ARGV[6]), 0
for i = 7, last, 2 do
    local id, key = ARGV[i], ARGV[1] .. ARGV[i]
    if redis.call('ZREM', KEYS[1], id) == 1 and (mark_of(key) or '') == ARGV[i + 1] then
        local size = redis.pcall('HSTRLEN', key, 'data')
        if type(size) == 'number' and size > largest then
            redis.call('SADD', KEYS[2], key)
        else
            redis.call('UNLINK', key, ARGV[2] .. id)
        end
        forgotten = forgotten + 1
    end
end
local long = {}
for i = last + 1, #ARGV do
    long[ARGV[i]] = true
end
if next(long) then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
        if #id > longest and long[#id > MOST_HASHED and tostring(#id) or redis.sha1hex(id)] then
            redis.call('ZREM', KEYS[1], id)
            if redis.call('EXISTS', ARGV[1] .. id) == 1 then
                redis.call('SADD', KEYS[2], ARGV[1] .. id)
            end
            forgotten = forgotten + 1
        end
    end
end
return forgotten
