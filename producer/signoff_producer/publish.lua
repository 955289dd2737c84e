-- Put jobs on a queue, each once, as RQ would.
--
-- KEYS[1]  list        the queue: ids of waiting jobs
-- KEYS[2]  set         keys of all queues, for RQ's tools
-- KEYS[3]  sorted set  RQ's scheduled registry: job id by due time
-- KEYS[4]  sorted set  RQ's started registry: <job id>:<lease token>
-- KEYS[5]  sorted set  leases: token of each live worker by expiry
-- (hash)               one per job, named ARGV[1] .. id; they are not in KEYS, as with RQ, so this does not
--                      run on Redis Cluster
--
-- ARGV[1]  prefix of a job's key        ARGV[2]  the queue's name
-- ARGV[3]  enqueued_at, whole seconds   ARGV[4]  the most waiting jobs, 0 for any number
-- ARGV[5]  1 if WAIT follows, else 0    ARGV[6]… pairs: job id, data
--
-- Returns one reply for each job, in order: 1 accepted; 0 there is such a job with the same data; -1 the
-- queue is full. If there is such a job with other data: that data, for the caller to compare contents, or
-- an empty string if it is too long for an event. If the job is on another queue: a list with that queue's
-- name.
local replies, ids, n, sent = {}, {}, 0, 0
local prefix, queue, enqueued_at = ARGV[1], ARGV[2], ARGV[3]
local function wrong_type(key, wanted)
    return redis.error_reply('WRONGTYPE ' .. key .. ' should hold a ' .. wanted
        .. ': see what it holds, then delete it with redis-cli DEL ' .. key)
end

-- This runs also without a limit: if KEYS[1] is not a list, nothing is written. A hash whose id is not on the
-- queue would not be taken by any worker.
local waiting = redis.pcall('LLEN', KEYS[1])
if type(waiting) == 'table' then
    return wrong_type(KEYS[1], 'list')
end
local room = math.huge
if ARGV[4] ~= '0' then
    room = tonumber(ARGV[4]) - waiting
end

-- Whether a job cannot hold an event, since its data or its queue's name is too long. Then neither is
-- read: anybody who can write to Redis must not be able to fill a publisher's memory.
local function is_oversized(key)
    local data, origin = redis.pcall('HSTRLEN', key, 'data'), redis.pcall('HSTRLEN', key, 'origin')
    return type(data) == 'number' and (data > 300000 or origin > 1000)
end

-- Statuses of jobs that are in one of RQ's registries, and are moved on from there by RQ or a worker.
local elsewhere = { started = true, failed = true, deferred = true, stopped = true }

-- Whether an existing job may be on no list, so that no worker would apply it: a publisher in another
-- language may have died between its HSET and its RPUSH. Publishers that do both at once, as this script and
-- RQ, write `enqueued_at`; it is also written below, so each job is searched for once. Only the end of a long
-- queue is searched. If a job is listed twice because of that, it takes effect once.
local function may_be_unlisted(id, status, job_enqueued_at)
    if job_enqueued_at or elsewhere[status] or redis.pcall('ZSCORE', KEYS[3], id) then
        return false
    end
    for _, token in ipairs(redis.pcall('ZRANGE', KEYS[5], 0, -1)) do
        if redis.pcall('ZSCORE', KEYS[4], id .. ':' .. token) then
            return false
        end
    end
    return not redis.call('LPOS', KEYS[1], id, 'RANK', -1, 'MAXLEN', 10000)
end

for i = 6, #ARGV, 2 do
    local id, data = ARGV[i], ARGV[i + 1]
    local key = prefix .. id
    n = n + 1
    local exists = redis.call('EXISTS', key) == 1
    local oversized = exists and is_oversized(key)
    local held = exists and not oversized and redis.pcall('HMGET', key, 'data', 'origin', 'status', 'enqueued_at')
    if held and (held[3] == 'finished' or held[3] == 'canceled') then
        -- A stock worker has finished it, and RQ keeps it for some time: no job waits under this id.
        redis.call('DEL', key)
        exists = false
    end
    if exists then
        if oversized or held.err then
            replies[n] = ''
        elseif held[2] and held[2] ~= queue then
            replies[n] = { held[2] }
        elseif held[1] and may_be_unlisted(id, held[3], held[4]) then
            if sent >= room then
                replies[n] = -1
            else
                redis.call('HSET', key, 'status', 'queued', 'enqueued_at', enqueued_at)
                sent = sent + 1
                ids[sent] = id
                replies[n] = held[1] == data and 0 or held[1]
            end
        elseif held[1] == data then
            replies[n] = 0
        else
            replies[n] = held[1] or ''
        end
    elseif sent >= room then
        replies[n] = -1
    else
        redis.call('HSET', key, 'data', data, 'origin', queue, 'status', 'queued', 'enqueued_at', enqueued_at)
        sent = sent + 1
        ids[sent] = id
        replies[n] = 1
    end
end
if sent > 0 then
    redis.call('RPUSH', KEYS[1], unpack(ids))
    redis.pcall('SADD', KEYS[2], KEYS[1]) -- for RQ's tools only: a key of another type refuses no event
elseif ARGV[5] == '1' then
    -- WAIT waits for the last write of its connection. Without a write it would return at once, although
    -- the duplicate may be on the primary only.
    if type(redis.pcall('SREM', KEYS[2], KEYS[1])) == 'table' then
        return wrong_type(KEYS[2], 'set')
    end
    redis.call('SADD', KEYS[2], KEYS[1])
end
return replies
