-- Requeue jobs in flight: put them back at the head of the queue, in any order. A call looks at one page of
-- the registry, so that it does not hold up Redis.
--
-- KEYS[1]  list        the queue
-- KEYS[2]  sorted set  RQ's started registry
-- KEYS[3]  sorted set  leases: worker token by expiry
-- KEYS[4]  set         ids of jobs whose hash did not exist
-- (hash)               one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key
-- ARGV[2]  a lease token: requeue the jobs that it holds, without counting a death; or empty: requeue the
--          jobs of all workers whose lease expired, and count one death for each job
-- ARGV[3]  where the page begins, a cursor; the first is 0
-- ARGV[4]  about how many entries to look at     ARGV[5]  the queue's name
--
-- Returns where the next page begins, 0 after the last; and how many jobs are back on the queue.
--
-- Only Signoff's entries score +inf. One that names no lease was written by something else, and would stay
-- for ever. Its job is requeued as if its worker had died, unless it is another queue's.
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
local refused = wrong_type({[KEYS[1]] = 'list', [KEYS[2]] = 'zset', [KEYS[3]] = 'zset'})
if refused then
    return refused
end
local of_expired = ARGV[2] == ''
if of_expired then
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', clock())
end
local ended = {[ARGV[2]] = true}

local function is_ended(token)
    if ended[token] == nil then
        ended[token] = of_expired and not redis.call('ZSCORE', KEYS[3], token)
    end
    return ended[token]
end

local back, missing = {}, {}
local function requeue(id)
    local key = ARGV[1] .. id
    if redis.call('EXISTS', key) == 0 then
        missing[#missing + 1] = id
        return
    end
    back[#back + 1] = id
    if of_expired then
        local deaths = counter(redis.pcall('HGET', key, 'signoff_deaths'))
        redis.pcall('HSET', key, 'signoff_deaths', math.min(deaths + 1, MOST_COUNTED))
    end
end

local function is_of_another_queue(id)
    local origin = redis.pcall('HGET', ARGV[1] .. id, 'origin')
    return type(origin) == 'string' and origin ~= ARGV[5]
end

local page = redis.call('ZSCAN', KEYS[2], ARGV[3], 'COUNT', ARGV[4])
for i = 1, #page[2], 2 do
    local member, score = page[2][i], page[2][i + 1]
    local id, token = string.match(member, '^(.*):(signoff%-%x+)$')
    if score == 'inf' and id and is_ended(token) then
        if redis.call('ZREM', KEYS[2], member) == 1 then
            requeue(id)
        end
    elseif score == 'inf' and not id and of_expired then
        id = job_of(ARGV[1], member)
        if redis.call('ZREM', KEYS[2], member) == 1 and not is_of_another_queue(id) then
            requeue(id)
        end
    end
end
for i = #back, 1, -1 do
    redis.call('LPUSH', KEYS[1], back[i])
end
note_missing(KEYS[4], missing)
return {page[1], #back}
