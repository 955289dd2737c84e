-- How many jobs are in each place, at one moment. A script instead of MULTI, which a full Redis refuses.
--
-- KEYS[1]  list        the queue
-- KEYS[2]  sorted set  RQ's started registry
-- KEYS[3]  sorted set  RQ's scheduled registry
-- KEYS[4]  sorted set  RQ's failed registry
-- KEYS[5]  set         ids of jobs whose hash did not exist
-- KEYS[6]  set         keys of jobs that are too large to be read
--
-- Returns the number in each, in this order, and when the next scheduled job is due. A key of another type
-- counts as empty: `wrong_types` names it.
local counts = {}
for i, command in ipairs({'LLEN', 'ZCARD', 'ZCARD', 'ZCARD', 'SCARD', 'SCARD'}) do
    local found = redis.pcall(command, KEYS[i])
    counts[i] = type(found) == 'number' and found or 0
end
local due = redis.pcall('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
counts[7] = not due.err and due[2] or false
return counts
