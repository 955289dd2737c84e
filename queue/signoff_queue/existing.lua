-- Which of these jobs exist; nothing is changed.
--
-- (any)    one per job, named ARGV[1] .. id
--
-- ARGV[1]  prefix of a job's key            ARGV[2]… ids
--
-- Returns the positions of the existing ones among the ids; the first is 1.
local there = {}
for i = 2, #ARGV do
    if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 1 then
        there[#there + 1] = i - 1
    end
end
return there
