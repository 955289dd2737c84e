-- Move the jobs that are due from RQ's scheduled registry to the queue.
--
-- KEYS[1]  list        the queue
-- KEYS[2]  sorted set  RQ's scheduled registry: job id by due time, in seconds since the epoch
-- (hash)               one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key
--
-- Returns how many were put on the queue; more than a thousand take several calls.
local refused = wrong_type({[KEYS[1]] = 'list', [KEYS[2]] = 'zset'})
if refused then
    return refused
end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', clock(), 'LIMIT', 0, 1000)
for _, id in ipairs(due) do
    redis.call('ZREM', KEYS[2], id)
    redis.call('RPUSH', KEYS[1], id)
    if redis.call('EXISTS', ARGV[1] .. id) == 1 then
        redis.pcall('HSET', ARGV[1] .. id, 'status', 'queued')
    end
end
return #due
