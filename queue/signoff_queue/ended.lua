-- Which of these jobs have ended: no worker will take them any more; nothing is changed.
--
-- (hash)   one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]… ids
--
-- Returns the positions of the ended ones among the ids; the first is 1. Signoff's workers delete a job that
-- has ended, so it has no status; stock workers keep it for some time.
local ENDED = { finished = true, canceled = true }
local LONGEST = 20 -- bytes of a status that RQ knows; a longer one is not read
local found = {}
for i = 2, #ARGV do
    local key = ARGV[1] .. ARGV[i]
    local size = redis.pcall('HSTRLEN', key, 'status')
    if size == 0 and redis.call('HEXISTS', key, 'status') == 0
        or type(size) == 'number' and size <= LONGEST and ENDED[redis.call('HGET', key, 'status')] then
        found[#found + 1] = i - 1
    end
end
return found
