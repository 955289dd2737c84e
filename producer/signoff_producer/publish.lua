-- Put jobs on a queue, each once, as RQ would.
--
-- KEYS[1]  list        the queue: ids of waiting jobs
-- KEYS[2]  set         keys of all queues, for RQ's tools
-- KEYS[3]  sorted set  RQ's scheduled registry: job id by due time
-- KEYS[4]  sorted set  RQ's started registry: <job id>:<lease token>
-- KEYS[5]  sorted set  leases: token of each live worker by expiry
-- (hash)               one per job, named ARGV[1] .. id; RQ does not let them be known beforehand either,
--                      so this does not run on Redis Cluster
--
-- ARGV[1]  prefix of a job's key        ARGV[2]  the queue's name
-- ARGV[3]  enqueued_at, whole seconds   ARGV[4]  the longest the queue may get, 0 for any length
-- ARGV[5]  1 where WAIT follows, else 0     ARGV[6]… pairs: job id, data
--
-- Returns one reply a job, in order: 1 accepted, 0 already there with the same data, -1 the queue is
-- full; where other data is there, that data, for the caller to compare contents, or nothing of data that
-- is too long for an event; and where the job is another queue's, a list of that queue's name.
local replies, ids, n, sent = {}, {}, 0, 0
local prefix, queue, enqueued_at = ARGV[1], ARGV[2], ARGV[3]
-- Asked whether or not there is a limit: where KEYS[1] is no list this fails before anything is
-- written. A hash without its id on the queue would not be taken by any worker.
local waiting = redis.call('LLEN', KEYS[1])
local room = math.huge
if ARGV[4] ~= '0' then
    room = tonumber(ARGV[4]) - waiting
end

-- Whether a job is none that could hold an event: its data or its queue's name is too long. Neither is
-- read then; whoever can write to Redis must not fill a publisher's memory.
local function is_oversized(key)
    local data, origin = redis.pcall('HSTRLEN', key, 'data'), redis.pcall('HSTRLEN', key, 'origin')
    return type(data) == 'number' and (data > 300000 or origin > 1000)
end

-- Statuses of jobs that are in a registry of RQ's own, from which RQ or a worker takes them on.
local elsewhere = { started = true, failed = true, deferred = true, stopped = true }

-- Whether a job that is there may be on no list, so that nobody would ever apply it: a publisher in
-- another language may have died between its HSET and its RPUSH. Whoever does both at once, as this
-- script and RQ, writes `enqueued_at`; it is written below as well, so each job is looked for once.
-- A long queue is looked through at its end only. A job that is then listed twice takes effect once.
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
    local there = redis.call('EXISTS', key) == 1
    local oversized = there and is_oversized(key)
    local held = there and not oversized and redis.pcall('HMGET', key, 'data', 'origin', 'status', 'enqueued_at')
    if held and (held[3] == 'finished' or held[3] == 'canceled') then
        -- A stock worker is done with it, and RQ keeps it for a while: nothing waits under this id.
        redis.call('DEL', key)
        there = false
    end
    if there then
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
    redis.call('SADD', KEYS[2], KEYS[1])
elseif ARGV[5] == '1' then
    -- WAIT counts from the last write of its connection. With none it would say at once that every
    -- replica has a duplicate which, for all it knows, only the primary has.
    redis.call('SREM', KEYS[2], KEYS[1])
    redis.call('SADD', KEYS[2], KEYS[1])
end
return replies
