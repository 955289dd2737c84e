-- End a batch whose transaction is committed: forget what is settled, put off what may pass.
-- Running it twice does nothing more: a job is only touched, and counted, while this worker holds it.
--
-- Its first write takes something away: Redis allows that when it is full, and then the rest as well.
--
-- KEYS[1]  sorted set  RQ's started registry: <job id>:<execution>
-- KEYS[2]  sorted set  RQ's scheduled registry: job id by due time
-- KEYS[3]  hash        this worker, with RQ's counters
-- KEYS[4]  set         keys of jobs that are too large to be read
-- (hash)               one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  this worker's lease token
-- ARGV[3]  jobs that came to a good end     ARGV[4]  jobs that were dead-lettered
-- ARGV[5]  number of settled jobs, n        ARGV[6]  number of settled jobs that stay in Redis, k
-- ARGV[7]… the ids of the n, then those of the k
-- ARGV[7 + n + k]… triples: id of a job to retry, seconds until then, how often it will have been retried
--
-- Returns how many jobs this worker did not hold any more.
local refused = wrong_type({[KEYS[1]] = 'zset', [KEYS[2]] = 'zset', [KEYS[4]] = 'set'})
if refused then
    return refused
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local prefix, holder = ARGV[1], ':' .. ARGV[2]
local settled, kept = tonumber(ARGV[5]), tonumber(ARGV[6])
local lost = 0
for first = 7, 6 + settled, 2000 do
    local members, held, n = {}, {}, 0
    for i = first, math.min(first + 1999, 6 + settled) do
        members[i - first + 1] = ARGV[i] .. holder
    end
    for i, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(members))) do
        if score then
            n = n + 1
            held[n] = prefix .. ARGV[first + i - 1]
        else
            lost = lost + 1
        end
    end
    if n > 0 then
        redis.call('ZREM', KEYS[1], unpack(members))
        redis.call('UNLINK', unpack(held))
    end
end
for i = 7 + settled, 6 + settled + kept do
    if redis.call('ZREM', KEYS[1], ARGV[i] .. holder) == 1 then
        redis.call('SADD', KEYS[4], prefix .. ARGV[i])
    else
        lost = lost + 1
    end
end
for i = 7 + settled + kept, #ARGV, 3 do
    local id = ARGV[i]
    if redis.call('ZREM', KEYS[1], id .. holder) == 1 then
        redis.call('ZADD', KEYS[2], now + tonumber(ARGV[i + 1]), id)
        redis.pcall('HSET', prefix .. id, 'number_of_retries', ARGV[i + 2], 'status', 'scheduled')
    else
        lost = lost + 1
    end
end
if settled + kept > 0 and lost == 0 and redis.call('EXISTS', KEYS[3]) == 1 then
    -- Only RQ's tools show these: whatever is in the worker's hash, the batch is acknowledged.
    redis.pcall('HINCRBY', KEYS[3], 'successful_job_count', ARGV[3])
    redis.pcall('HINCRBY', KEYS[3], 'failed_job_count', ARGV[4])
end
return lost
