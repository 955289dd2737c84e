-- A page of the job ids that one place names, with bounds; nothing is changed.
--
-- KEYS[1]  list, sorted set or set; or any key if all jobs' hashes are scanned
-- (hash)   one per job, named ARGV[4] .. id
--
-- ARGV[1]  LRANGE, ZSCAN, SSCAN, or SCAN for the jobs' hashes
-- ARGV[2]  where the page begins: a position for LRANGE, else a cursor; the first is 0
-- ARGV[3]  about how many ids              ARGV[4]  prefix of a job's key
-- ARGV[5]  the longest id; longer ones are left out, as no worker reads them
-- ARGV[6]  for SCAN: the queue that a job must be of
--
-- Returns where the next page begins, 0 after the last; and the ids. A place of another type is empty.
local how, start, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local prefix, longest = ARGV[4], tonumber(ARGV[5])
local following, members, step = 0, {}, 1
if how == 'LRANGE' then
    members = redis.pcall(how, KEYS[1], start, start + most - 1)
    following = #members == most and start + most or 0
else
    local answer
    if how == 'SCAN' then
        answer = redis.call('SCAN', start, 'MATCH', prefix .. '*', 'COUNT', most, 'TYPE', 'hash')
    else
        answer = redis.pcall(how, KEYS[1], start, 'COUNT', most)
    end
    if not answer.err then
        following, members = answer[1], answer[2]
    end
    step = how == 'ZSCAN' and 2 or 1
end
local ids = {}
for i = 1, members.err and 0 or #members, step do
    local id = members[i]
    if how == 'SCAN' then
        id = #id <= #prefix + longest and redis.pcall('HGET', id, 'origin') == ARGV[6]
            and string.sub(id, #prefix + 1)
    end
    if id and #id <= longest + 100 then -- an entry of the started registry names its execution as well
        ids[#ids + 1] = id
    end
end
return {tostring(following), ids}
