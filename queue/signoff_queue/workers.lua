-- Read the entries of a queue's workers, with bounds; nothing is changed.
--
-- KEYS[1]  set         keys of the queue's workers
-- (hash)               one per worker
--
-- ARGV[1]  the most workers    ARGV[2]  prefix of a worker's key
-- ARGV[3]… pairs: a field of a worker's hash; the most bytes of it
--
-- Returns a list for each worker: its key, then the fields; a missing or too large field is nil.
local found = {}
local workers = redis.pcall('SRANDMEMBER', KEYS[1], ARGV[1])
for _, key in ipairs(workers.err and {} or workers) do
    if #key <= 300 and string.sub(key, 1, #ARGV[2]) == ARGV[2] and redis.call('TYPE', key).ok == 'hash' then
        local fields = {key}
        for i = 3, #ARGV, 2 do
            local size = redis.call('HSTRLEN', key, ARGV[i])
            fields[#fields + 1] = size > 0 and size <= tonumber(ARGV[i + 1]) and redis.call('HGET', key, ARGV[i])
        end
        found[#found + 1] = fields
    end
end
return found
