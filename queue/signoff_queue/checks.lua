-- Functions that the worker's scripts share; this file is put before each of them. Anybody who can write to
-- Redis can put anything under any key. So each script checks the types of its keys before it changes one:
-- Redis does not undo a script that fails half way. Numbers are bounded.

local MOST_COUNTED = 1000 -- of deaths and retries; the settings that they are compared with are smaller
local MOST_MISSING = 100000 -- ids in the set of missing jobs
local BEGINNING = 4096 -- bytes of data that are returned where all of it is too much
local MOST_HASHED = 67108864 -- bytes that Redis may copy, and be held up for, to hash them

-- An error for the caller where a key holds another type than expected; nil where all is well.
local function wrong_type(expected)
    for key, wanted in pairs(expected) do
        local found = redis.call('TYPE', key).ok
        if found ~= wanted and found ~= 'none' then
            return redis.error_reply('WRONGTYPE ' .. key .. ' holds a ' .. found .. ' and should hold a ' .. wanted
                .. ': see what it is, then delete it with redis-cli DEL ' .. key)
        end
    end
end

-- Redis's clock, in seconds since the epoch.
local function clock()
    local time = redis.call('TIME')
    return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

-- A counter of a job's hash. What is not a number counts as 0; a larger number than MOST_COUNTED as that.
local function counter(value)
    if type(value) ~= 'string' or not string.match(value, '^%d+$') then
        return 0
    end
    return #value > 4 and MOST_COUNTED or math.min(tonumber(value), MOST_COUNTED)
end

-- Read a job with bounds. Returns its id, its data and the kind of its hash (see drain.lua; a list of kind, size and
-- SHA-1 if it is too large), the number of bytes looked at, and its two counters, unchecked.
local function read_job(prefix, id, longest, largest)
    local size = #id
    if size > longest then
        local hash = size <= MOST_HASHED and redis.sha1hex(id) or nil
        return string.sub(id, 1, longest), false, {-4, size, hash}, size
    end
    local key = prefix .. id
    size = redis.pcall('HSTRLEN', key, 'data')
    if type(size) == 'table' then
        return id, false, -2, 0
    elseif size == 0 then
        return id, false, redis.call('EXISTS', key) == 1 and -1 or 0, 0
    elseif size <= largest then
        local job = redis.call('HMGET', key, 'data', 'signoff_deaths', 'number_of_retries')
        return id, job[1], 1, size, job[2], job[3]
    end
    local found, beginning = {-3, size}, ''
    if size <= MOST_HASHED then
        local data = redis.call('HGET', key, 'data')
        beginning, found[3] = string.sub(data, 1, BEGINNING), redis.sha1hex(data)
    end
    local job = redis.call('HMGET', key, 'signoff_deaths', 'number_of_retries')
    return id, beginning, found, size, job[1], job[2]
end

-- What scripts return of a job beside its id and data, see drain.lua. `hash` is as read_job returns it.
local function described(hash, deaths, retries)
    if type(hash) == 'table' then
        return {hash[1], deaths, retries, hash[2], hash[3]}
    elseif hash ~= 1 or deaths + retries > 0 then
        return {hash, deaths, retries}
    end
    return 1
end

-- Identifies a job's data: its SHA-1; its size, if it is too large to be hashed; nil if there is no data.
local function mark_of(key)
    local size = redis.pcall('HSTRLEN', key, 'data')
    if type(size) == 'table' or size == 0 then
        return nil
    end
    return size > MOST_HASHED and tostring(size) or redis.sha1hex(redis.call('HGET', key, 'data'))
end

-- The job that an entry of the started registry names: <job id>:<execution>, or a job id alone.
local function job_of(prefix, member)
    local whole = redis.call('EXISTS', prefix .. member) == 1
    return not whole and string.match(member, '^(.*):[^:]*$') or member
end

-- Note the ids of missing jobs: a list names them, but they do not exist. A failure to note them is ignored.
local function note_missing(key, ids)
    for _, id in ipairs(ids) do
        local noted = redis.pcall('SCARD', key)
        if type(noted) == 'number' and noted < MOST_MISSING then
            redis.call('SADD', key, id)
        end
    end
end
