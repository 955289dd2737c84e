-- Acknowledge a batch whose transaction is committed: delete settled jobs, schedule the retries.
-- It is safe to repeat: a job is changed, and counted, only while this worker holds it.
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
--
-- KEYS[1]  sorted set  RQ's started registry: <job id>:<execution>
-- KEYS[2]  sorted set  RQ's scheduled registry: job id by due time
-- KEYS[3]  hash        this worker, with RQ's counters
-- KEYS[4]  set         keys of jobs that are too large to be read
-- (hash)               one per job, named ARGV[1] .. id
--
-- (set)                a job's dependents, its key .. ':dependents': ids of RQ jobs that wait for it
-- (set)                their dependencies, ARGV[1] .. ':' .. id .. ':dependencies'
-- (sorted set, list)   RQ's deferred registry and queue of each dependent, which may be any queue's
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  this worker's lease token
-- ARGV[3]  number of jobs that were applied or are duplicates
-- ARGV[4]  number of jobs that were dead-lettered
-- ARGV[5]  number of jobs that were dead-lettered and stay in Redis
-- ARGV[6]  channel of the ids of settled jobs, for whoever waits for one (settled.py)
-- ARGV[7]… the ids of all these, in this order; then triples: id of a job to retry, seconds until then,
--          how often it will have been retried
--
-- Returns how many jobs this worker no longer held, and how many are subscribed to the ids of settled jobs (0 if none
-- was settled).
local refused = wrong_type({[KEYS[1]] = 'zset', [KEYS[2]] = 'zset', [KEYS[4]] = 'set'})
if refused then
    return refused
end
local now = clock()
local prefix, holder = ARGV[1], ':' .. ARGV[2]
local good, dead, kept = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local settled = good + dead
local lost = 0

-- The members of a set of jobs; nil where it is no set, or so large that Redis would be held up.
local MOST_DEPENDENT = 1000
local function members_of(key)
    local size = redis.pcall('SCARD', key)
    if type(size) == 'number' and size <= MOST_DEPENDENT then
        return redis.call('SMEMBERS', key)
    end
end

-- Whether all dependencies of a job are met, by RQ's rule: each is finished, or no longer exists.
local function is_met(dependent, settled_id, met)
    local others = members_of(prefix .. ':' .. dependent .. ':dependencies')
    if not others then
        return false
    end
    for _, other in ipairs(others) do
        local status = other ~= settled_id and redis.pcall('HGET', prefix .. other, 'status')
        if status and not met[status] then
            return false
        end
    end
    return true
end

-- Enqueue the RQ jobs that depend on a settled job. If it was dead-lettered: only those that allow a
-- dependency to fail.
local function enqueue_dependents(id, succeeded)
    local dependents = members_of(prefix .. id .. ':dependents')
    if not dependents then
        return -- they stay deferred, and the set stays where it is
    end
    for _, dependent in ipairs(dependents) do
        local fields = {'status', 'origin', 'allow_dependency_failures', 'enqueue_at_front'}
        local job = redis.pcall('HMGET', prefix .. dependent, unpack(fields))
        local tolerant = job[3] == '1'
        if job[1] == 'deferred' and job[2] and (succeeded or tolerant)
            and is_met(dependent, id, {finished = true, failed = tolerant}) then
            redis.pcall('ZREM', 'rq:deferred:' .. job[2], dependent)
            redis.pcall(job[4] == '1' and 'LPUSH' or 'RPUSH', 'rq:queue:' .. job[2], dependent)
            redis.pcall('HSET', prefix .. dependent, 'status', 'queued')
            redis.pcall('SADD', 'rq:queues', 'rq:queue:' .. job[2])
        end
    end
    redis.call('UNLINK', prefix .. id .. ':dependents')
end

for first = 7, 6 + settled, 2000 do
    local members, dependents, held, n = {}, {}, {}, 0
    for i = first, math.min(first + 1999, 6 + settled) do
        members[i - first + 1] = ARGV[i] .. holder
        dependents[i - first + 1] = prefix .. ARGV[i] .. ':dependents'
    end
    local awaited = redis.call('EXISTS', unpack(dependents)) > 0
    for i, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(members))) do
        if score then
            n = n + 1
            held[n] = prefix .. ARGV[first + i - 1]
            if awaited then
                enqueue_dependents(ARGV[first + i - 1], first + i - 1 < 7 + good)
            end
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
    -- Only RQ's tools show these counters. If they cannot be written, the batch is acknowledged all the same.
    redis.pcall('HINCRBY', KEYS[3], 'successful_job_count', good)
    redis.pcall('HINCRBY', KEYS[3], 'failed_job_count', dead + kept)
end
local subscribers = 0
if settled + kept > 0 then
    -- A user that may do neither acknowledges all the same: who waits looks by himself, later.
    subscribers = tonumber(redis.pcall('PUBSUB', 'NUMSUB', ARGV[6])[2]) or 0
    if subscribers > 0 then
        redis.pcall('PUBLISH', ARGV[6], table.concat(ARGV, ' ', 7, 6 + settled + kept))
    end
end
return {lost, subscribers}
