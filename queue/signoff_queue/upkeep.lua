-- Clean up RQ's registries of one queue, as RQ's own workers do, but without imports and callbacks. Jobs of
-- stock RQ workers that died are requeued, and one death is counted for each.
--
-- KEYS[1]  list        the queue
-- KEYS[2]  sorted set  RQ's started registry: <job id>:<execution> by expiry
-- KEYS[3]  set         ids of jobs whose hash did not exist
-- KEYS[4]  sorted set  RQ's finished registry: job id by expiry
-- KEYS[5]  sorted set  RQ's ready registry: ids of jobs whose dependencies are met
-- KEYS[6]  list        RQ's intermediate queue: what a stock worker took and has not started
-- KEYS[7]  set         keys of this queue's workers
-- KEYS[8]  set         keys of all workers
-- (hash)               one per job, named ARGV[1] .. id; a worker's, by its key
-- (string)             when a job was first seen in the intermediate queue: KEYS[6]:first_seen:<id>
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  the queue's name
-- ARGV[3]  the most jobs or workers looked at in one place
--
-- Returns how many jobs are back on the queue. A registry of the wrong type is skipped without an error.
local refused = wrong_type({[KEYS[1]] = 'list', [KEYS[2]] = 'zset'})
if refused then
    return refused
end
local STUCK = 60 -- seconds in the intermediate queue after which a job's worker counts as dead
local ELSEWHERE = {
    finished = true, failed = true, canceled = true, stopped = true, queued = true, deferred = true, scheduled = true,
}
local now, most = clock(), tonumber(ARGV[3])
local back = 0

-- The members that a command finds; none where the key is of another type.
local function found(...)
    local members = redis.pcall(...)
    return type(members) == 'table' and not members.err and members or {}
end

local function put_back(id, deaths)
    redis.call('LPUSH', KEYS[1], id)
    redis.pcall('HSET', ARGV[1] .. id, 'status', 'queued')
    if deaths then
        redis.pcall('HSET', ARGV[1] .. id, 'signoff_deaths', math.min(deaths + 1, MOST_COUNTED))
    end
    back = back + 1
end

-- Requeue a job that a dead worker held and that is on no list now.
local function requeue(id)
    local key = ARGV[1] .. id
    if redis.call('EXISTS', key) == 0 then
        return note_missing(KEYS[3], {id})
    end
    local job = redis.pcall('HMGET', key, 'status', 'origin', 'signoff_deaths')
    if job.err then
        put_back(id)
    elseif not ELSEWHERE[job[1]] and (not job[2] or job[2] == ARGV[2]) then
        put_back(id, counter(job[3]))
    end
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', KEYS[2], member)
    requeue(job_of(ARGV[1], member)) -- older workers of RQ note no execution
end
for _, id in ipairs(found('LRANGE', KEYS[6], 0, most - 1)) do
    local seen = KEYS[6] .. ':first_seen:' .. id
    local since = redis.pcall('GET', seen)
    since = type(since) == 'string' and tonumber(string.match(since, '^%d+')) or nil
    if redis.call('EXISTS', ARGV[1] .. id) == 0 or (since and now - since > STUCK) then
        redis.call('LREM', KEYS[6], 1, id)
        redis.call('UNLINK', seen)
        if redis.call('EXISTS', ARGV[1] .. id) == 1 then
            put_back(id, counter(redis.pcall('HGET', ARGV[1] .. id, 'signoff_deaths')))
        else
            note_missing(KEYS[3], {id})
        end
    elseif not since then
        redis.pcall('SET', seen, now, 'EX', 86400)
    end
end
for _, id in ipairs(found('ZRANGE', KEYS[5], 0, most - 1)) do
    redis.call('ZREM', KEYS[5], id)
    if redis.pcall('HGET', ARGV[1] .. id, 'status') == 'ready_to_enqueue' then
        put_back(id)
    end
end
redis.pcall('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
for _, worker in ipairs(found('SRANDMEMBER', KEYS[7], most)) do
    if redis.call('EXISTS', worker) == 0 then
        redis.pcall('SREM', KEYS[7], worker)
        redis.pcall('SREM', KEYS[8], worker)
    end
end
return back
