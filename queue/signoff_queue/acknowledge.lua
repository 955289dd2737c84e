-- Let go of a batch whose transaction is committed: forget what is settled, put off what may pass.
-- Running it twice does nothing more: a job is only touched, and counted, while this worker holds it.
--
-- Its first write takes something away: Redis allows that when it is full, and then the rest as well.
--
-- KEYS[1]  sorted set  RQ's started registry: <job id>:<execution>
-- KEYS[2]  sorted set  RQ's scheduled registry: job id by due time
-- KEYS[3]  hash        this worker, with RQ's counters
-- (hash)               one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  this worker's lease token
-- ARGV[3]  jobs that came to a good end     ARGV[4]  jobs that were dead-lettered
-- ARGV[5]  number of settled jobs, n        ARGV[6]… their ids
-- ARGV[6 + n]… triples: id of a job to retry, seconds until then, how often it will have been retried
--
-- Returns how many jobs this worker did not hold any more.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local prefix, holder = ARGV[1], ':' .. ARGV[2]
local settled = tonumber(ARGV[5])
local lost = 0
for first = 6, 5 + settled, 2000 do
    local members, held, n = {}, {}, 0
    for i = first, math.min(first + 1999, 5 + settled) do
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
for i = 6 + settled, #ARGV, 3 do
    local id, key = ARGV[i], prefix .. ARGV[i]
    if redis.call('ZREM', KEYS[1], id .. holder) == 1 then
        redis.call('ZADD', KEYS[2], now + tonumber(ARGV[i + 1]), id)
        redis.call('HSET', key, 'number_of_retries', ARGV[i + 2], 'status', 'scheduled')
    else
        lost = lost + 1
    end
end
if settled > 0 and lost == 0 and redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('HINCRBY', KEYS[3], 'successful_job_count', ARGV[3])
    redis.call('HINCRBY', KEYS[3], 'failed_job_count', ARGV[4])
end
return lost
