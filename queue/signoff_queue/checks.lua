-- What the worker's scripts share; it is put before each of them. Whoever can write to Redis can put
-- anything under any key: types are looked at before anything is changed, since a script that fails
-- half way is not undone, and numbers are bounded.

local MOST_COUNTED = 1000 -- of deaths and retries; the settings that they are compared with are smaller
local MOST_MISSING = 100000 -- ids in the set of missing jobs

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

-- A counter of a job's hash: what is no number counts as 0, a large one as MOST_COUNTED.
local function counter(value)
    if type(value) ~= 'string' or not string.match(value, '^%d+$') then
        return 0
    end
    return #value > 4 and MOST_COUNTED or math.min(tonumber(value), MOST_COUNTED)
end

-- Note ids on a list whose job is gone. The set is only a note, and nothing fails because of it.
local function note_missing(key, ids)
    for _, id in ipairs(ids) do
        local noted = redis.pcall('SCARD', key)
        if type(noted) == 'number' and noted < MOST_MISSING then
            redis.call('SADD', key, id)
        end
    end
end
