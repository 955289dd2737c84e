-- Read jobs that failed in RQ. They stay in its registry until forget_failed.lua is run.
--
-- KEYS[1]  sorted set  RQ's failed registry: job ids
-- (hash)               one per job, named ARGV[1] .. id
-- (stream)             the results of each, named ARGV[2] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  prefix of its results' key
-- ARGV[3]  the most jobs                    ARGV[4]  the most bytes to look at
-- ARGV[5]  the longest id                   ARGV[6]  the most bytes of a job's data
-- ARGV[7]  the most bytes of a reason
--
-- Returns five values for each job: the three of drain.lua, without counters; the mark of its data
-- (`mark_of` in checks.lua), or nil; why it failed, as RQ packs it, or nil. Of an id that is too long it
-- returns the first bytes, and as the mark the SHA-1 of the whole id, or its size, if it is too large to be hashed.
local refused = wrong_type({[KEYS[1]] = 'zset'})
if refused then
    return refused
end
local prefix, longest, largest = ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[6])

-- The traceback in the newest of a job's results.
local function reason_of(id)
    local newest = redis.pcall('XREVRANGE', ARGV[2] .. id, '+', '-', 'COUNT', 1)
    if newest.err or not newest[1] then
        return false
    end
    local fields = newest[1][2]
    for i = 1, #fields, 2 do
        if fields[i] == 'exc_string' and #fields[i + 1] <= tonumber(ARGV[7]) then
            return fields[i + 1]
        end
    end
    return false
end

local found, bytes = {}, 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[3]) - 1)) do
    local name, data, hash, size = read_job(prefix, id, longest, largest)
    local mark, reason
    if name == id then
        mark, reason = mark_of(prefix .. id) or false, reason_of(id)
    else
        mark, reason = hash[3] or tostring(size), false
    end
    local n = #found
    found[n + 1], found[n + 2], found[n + 3] = name, data, described(hash, 0, 0)
    found[n + 4], found[n + 5] = mark, reason
    bytes = bytes + size
    if bytes >= tonumber(ARGV[4]) then
        break
    end
end
return found
