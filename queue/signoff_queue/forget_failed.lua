-- Delete jobs that failed in RQ and are dead letters now. A job that was removed from the registry
-- meanwhile, or published again with other data, is left alone.
--
-- KEYS[1]  sorted set  RQ's failed registry: job ids
-- KEYS[2]  set         keys of jobs that are too large to be read
-- (hash)               one per job, named ARGV[1] .. id
-- (stream)             the results of each, named ARGV[2] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  prefix of its results' key
-- ARGV[3]  the most bytes of a job's data   ARGV[4]… pairs: id; the mark of its data from take_failed.lua
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
local refused = wrong_type({[KEYS[1]] = 'zset', [KEYS[2]] = 'set'})
if refused then
    return refused
end
local forgotten = 0
for i = 4, #ARGV, 2 do
    local id, key = ARGV[i], ARGV[1] .. ARGV[i]
    if redis.call('ZREM', KEYS[1], id) == 1 and (mark_of(key) or '') == ARGV[i + 1] then
        local size = redis.pcall('HSTRLEN', key, 'data')
        if type(size) == 'number' and size > tonumber(ARGV[3]) then
            redis.call('SADD', KEYS[2], key)
        else
            redis.call('UNLINK', key, ARGV[2] .. id)
        end
        forgotten = forgotten + 1
    end
end
return forgotten
