-- Look at the first and the last waiting jobs, with bounds; nothing is changed.
--
-- KEYS[1]  list        the queue
-- (hash)               one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]  the most jobs of either end
-- ARGV[3]  the longest id                   ARGV[4]  the most bytes of data
--
-- Returns three values for each job: its id; the beginning of its data; when it was enqueued. Ids are cut,
-- missing or too large values are nil.
if wrong_type({[KEYS[1]] = 'list'}) then
    return {}
end
local most, longest, largest = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function field(key, name, limit)
    local size = redis.pcall('HSTRLEN', key, name)
    if type(size) == 'number' and size > 0 and size <= limit then
        return redis.call('HGET', key, name)
    end
    return false
end

local found = {}
for _, ends in ipairs({{0, most - 1}, {-most, -1}}) do
    for _, id in ipairs(redis.call('LRANGE', KEYS[1], ends[1], ends[2])) do
        local key, n = ARGV[1] .. id, #found
        local data = field(key, 'data', MOST_HASHED)
        found[n + 1] = string.sub(id, 1, longest)
        found[n + 2] = data and string.sub(data, 1, largest)
        found[n + 3] = field(key, 'enqueued_at', 64)
    end
end
return found
