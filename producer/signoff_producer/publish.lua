-- Put jobs on a queue, each once, as RQ would.
--
-- KEYS[1]  list    the queue: ids of waiting jobs
-- KEYS[2]  set     keys of all queues, for RQ's tools
-- (hash)           one per job, named ARGV[1] .. id; RQ does not let them be known beforehand either,
--                  so this does not run on Redis Cluster
--
-- ARGV[1]  prefix of a job's key        ARGV[2]  the queue's name
-- ARGV[3]  enqueued_at, whole seconds   ARGV[4]  the longest the queue may get, 0 for any length
-- ARGV[5]  1 where WAIT follows, else 0     ARGV[6]… pairs: job id, data
--
-- Returns one answer a job, in order: 1 accepted, 0 already there with the same data, -1 the queue is
-- full; where other data is there, that data, for the caller to compare contents; and where the job
-- is another queue's, a list of that queue's name.
local answers, ids, told, sent = {}, {}, 0, 0
local prefix, queue, enqueued_at = ARGV[1], ARGV[2], ARGV[3]
-- Asked whether or not there is a limit: where KEYS[1] is no list this fails before anything is
-- written. A hash without its id on the queue would make every later try a `duplicate` that nobody
-- ever applies.
local waiting = redis.call('LLEN', KEYS[1])
local room = math.huge
if ARGV[4] ~= '0' then
    room = tonumber(ARGV[4]) - waiting
end
for i = 6, #ARGV, 2 do
    local id, data = ARGV[i], ARGV[i + 1]
    local key = prefix .. id
    told = told + 1
    local there = redis.call('EXISTS', key) == 1
    local held = there and redis.pcall('HMGET', key, 'data', 'origin', 'status')
    if there and (held[3] == 'finished' or held[3] == 'canceled') then
        -- A stock worker is done with it, and RQ keeps it for a while: nothing waits under this id.
        redis.call('DEL', key)
        there = false
    end
    if there then
        if held.err then
            answers[told] = ''
        elseif held[2] and held[2] ~= queue then
            answers[told] = { held[2] }
        elseif held[1] == data then
            answers[told] = 0
        else
            answers[told] = held[1] or ''
        end
    elseif sent >= room then
        answers[told] = -1
    else
        redis.call('HSET', key, 'data', data, 'origin', queue, 'status', 'queued', 'enqueued_at', enqueued_at)
        sent = sent + 1
        ids[sent] = id
        answers[told] = 1
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
return answers
