-- Requeue jobs in flight: put them back at the head of the queue, in any order.
--
-- KEYS[1]  list        the queue
-- KEYS[2]  sorted set  RQ's started registry; only entries of Signoff's executions are touched
-- KEYS[3]  sorted set  leases: worker token by expiry
-- KEYS[4]  set         ids of jobs whose hash did not exist
-- (hash)               one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key
-- ARGV[2]  a lease token: requeue the jobs that it holds, without counting a death; or empty: requeue the
--          jobs of all workers whose lease expired, and count one death for each job
--
-- Returns how many jobs are back on the queue.
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
local refused = wrong_type({[KEYS[1]] = 'list', [KEYS[2]] = 'zset', [KEYS[3]] = 'zset'})
if refused then
    return refused
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local live = {}
if ARGV[2] == '' then
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
    for _, token in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
        live[token] = true
    end
end
local back, missing = {}, {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '+inf', '+inf')) do
    local id, token = string.match(member, '^(.*):(signoff%-%x+)$')
    if id and (token == ARGV[2] or (ARGV[2] == '' and not live[token])) then
        redis.call('ZREM', KEYS[2], member)
        local key = ARGV[1] .. id
        if redis.call('EXISTS', key) == 1 then
            back[#back + 1] = id
            if ARGV[2] == '' then
                local deaths = counter(redis.pcall('HGET', key, 'signoff_deaths'))
                redis.pcall('HSET', key, 'signoff_deaths', math.min(deaths + 1, MOST_COUNTED))
            end
        else
            missing[#missing + 1] = id
        end
    end
end
for i = #back, 1, -1 do
    redis.call('LPUSH', KEYS[1], back[i])
end
note_missing(KEYS[4], missing)
return #back
