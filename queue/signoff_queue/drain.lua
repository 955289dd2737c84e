-- Take a batch: move waiting jobs into RQ's registry of started jobs, and return them.
--
-- KEYS[1]  list        the queue: ids of waiting jobs, the next at the left
-- KEYS[2]  sorted set  RQ's started registry: <job id>:<execution>. Ours score +inf: RQ takes an entry
--                      that expired for a failed job, but whether a worker lives, its lease tells
-- KEYS[3]  sorted set  leases: worker token by expiry
-- KEYS[4]  string      exists while workers are suspended
-- KEYS[5]  set         ids of jobs whose hash was gone
-- (hash)               one per job, named ARGV[1] .. id, which rules out Redis Cluster, as RQ does
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  this worker's lease token
-- ARGV[3]  seconds the lease lasts          ARGV[4]  the most jobs to take
-- ARGV[5]  the most bytes of data to take; at least one job is taken
-- ARGV[6]  the most jobs to take that came back after one worker's death; 0: none that came back
--
-- Returns five values a job: id; data, or nil; deaths of workers that had it in hand; retries;
-- and what its hash is: 1 a job, 0 gone (it is then off the queue for good), -1 without data, -2 no hash.
--
-- Its first write takes something away: Redis allows that when it is full, and then the rest as well.
--
-- A batch holds jobs of as many deaths as its first. Those of one death are taken in small groups, those
-- of more alone: a job that kills workers counts at most two deaths against another, one in the batch that
-- it came in and one in its group.
if redis.call('EXISTS', KEYS[4]) == 1 then
    return {}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local prefix, holder = ARGV[1], ':' .. ARGV[2]
local most, most_bytes, group = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local ids = redis.call('LRANGE', KEYS[1], 0, most - 1)
local deaths
local batch, members, gone, taken, bytes = {}, {}, {}, 0, 0
local n, m = 0, 0 -- how long `batch` and `members` are, since asking them takes a search
for i, id in ipairs(ids) do
    local key = prefix .. id
    local hash = 1
    local job = redis.pcall('HMGET', key, 'data', 'signoff_deaths', 'number_of_retries')
    if job.err then
        job, hash = {false, false, false}, -2
    elseif not job[1] then
        hash = redis.call('EXISTS', key) == 1 and -1 or 0
    end
    if i == 1 then
        deaths = job[2]
        if deaths then
            most = deaths == '1' and group or math.min(group, 1)
        end
    end
    if i > most or job[2] ~= deaths then
        break
    end
    taken = i
    batch[n + 1], batch[n + 2], batch[n + 3], batch[n + 4], batch[n + 5] = id, job[1], job[2], job[3], hash
    n = n + 5
    if hash == 0 then
        gone[#gone + 1] = id
    else
        members[m + 1], members[m + 2] = '+inf', id .. holder
        m = m + 2
    end
    bytes = bytes + (job[1] and #job[1] or 0)
    if bytes >= most_bytes then
        break
    end
end
if taken > 0 then
    redis.call('LTRIM', KEYS[1], taken, -1)
    -- Lua's stack holds about 8,000 values.
    for first = 1, m, 2000 do
        redis.call('ZADD', KEYS[2], unpack(members, first, math.min(first + 1999, m)))
    end
    redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[2])
    for _, id in ipairs(gone) do
        redis.call('SADD', KEYS[5], id)
    end
end
return batch
