-- Take a batch: move waiting jobs into RQ's registry of started jobs, and return them.
--
-- KEYS[1]  list        the queue: ids of waiting jobs, the next at the left
-- KEYS[2]  sorted set  RQ's started registry: <job id>:<execution>. Ours score +inf: RQ treats an expired
--                      entry as a failed job, but a worker of Signoff is alive as long as its lease
-- KEYS[3]  sorted set  leases: worker token by expiry
-- KEYS[4]  string      exists while workers are suspended
-- KEYS[5]  set         ids of jobs whose hash did not exist
-- KEYS[6]  sorted set  RQ's failed registry. A job whose id is too long is moved there: the sweep writes its
--                      dead letter (sweep.py). It scores +inf, so that no tool of RQ treats it as expired
-- (hash)               one per job, named ARGV[1] .. id, which rules out Redis Cluster, as RQ does
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  this worker's lease token
-- ARGV[3]  seconds the lease lasts          ARGV[4]  the most jobs to take
-- ARGV[5]  the most bytes to look at; at least one job is taken
-- ARGV[6]  the most jobs to take that came back after one worker's death; 0: none that came back
-- ARGV[7]  the longest id                   ARGV[8]  the most bytes of a job's data
--
-- Returns three values for each job: id; data, or nil; and 1 for nearly every job, which has data, and neither
-- deaths nor retries. For others the third value is a list: the kind of its hash; deaths of workers that held the
-- job; retries. Kinds are 1 a job, 0 missing (then it is removed from the queue), -1 without data, -2 not a hash,
-- and two for a job that is too large to be read: -3 if its data is, -4 if its id is (then it is in the failed
-- registry). Then id and data are only the first bytes, and the list goes on with the size in bytes, and the SHA-1
-- or nil.
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
--
-- All jobs of a batch have the same number of deaths. Jobs with one death are taken in small groups, jobs
-- with more deaths alone. So a job that kills workers causes at most two deaths of another job: one in its
-- first batch and one in its group.
local PAGE = 250 -- ids looked at together: each may be as large as Redis allows

if redis.call('EXISTS', KEYS[4]) == 1 then
    return {}
end
local refused = wrong_type({
    [KEYS[1]] = 'list', [KEYS[2]] = 'zset', [KEYS[3]] = 'zset', [KEYS[6]] = 'zset',
})
if refused then
    return refused
end
local prefix, holder = ARGV[1], ':' .. ARGV[2]
local most, most_bytes, group = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local longest, largest = tonumber(ARGV[7]), tonumber(ARGV[8])
local ids, deaths
local batch, members, missing, long, taken, bytes = {}, {}, {}, {}, 0, 0
local n, m = 0, 0 -- the lengths of `batch` and `members`; the operator # would search for them
while taken < most and bytes < most_bytes do
    local place = taken % PAGE
    if place == 0 then
        ids = redis.call('LRANGE', KEYS[1], taken, math.min(taken + PAGE, most) - 1)
    end
    local id = ids[place + 1]
    if not id then
        break
    end
    local name, data, hash, size, died, retries = read_job(prefix, id, longest, largest)
    died, retries = died and counter(died) or 0, retries and counter(retries) or 0
    if taken == 0 then
        deaths = died
        if deaths > 0 then
            most = deaths == 1 and group or math.min(group, 1)
        end
    end
    if most == 0 or died ~= deaths then
        break
    end
    batch[n + 1], batch[n + 2], batch[n + 3] = name, data, described(hash, died, retries)
    n = n + 3
    if hash == 0 then
        missing[#missing + 1] = id
    elseif name ~= id then
        long[#long + 1] = id
    else
        members[m + 1], members[m + 2] = '+inf', id .. holder
        m = m + 2
    end
    taken = taken + 1
    bytes = bytes + size
end
if taken > 0 then
    redis.call('LTRIM', KEYS[1], taken, -1)
    -- Lua's stack holds about 8,000 values.
    for first = 1, m, 2000 do
        redis.call('ZADD', KEYS[2], unpack(members, first, math.min(first + 1999, m)))
    end
    redis.call('ZADD', KEYS[3], clock() + tonumber(ARGV[3]), ARGV[2])
    for _, id in ipairs(long) do
        redis.call('ZADD', KEYS[6], '+inf', id)
    end
    note_missing(KEYS[5], missing)
end
return batch
