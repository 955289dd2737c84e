-- End a pause, if it is still the one that was read.
--
-- KEYS[1]  string, of any type where others wrote it   exists while workers are paused
--
-- ARGV[1]  the value that was read: empty if it was no string or too large
-- ARGV[2]  the most bytes of a value that are read
--
-- Returns whether it was ended. If it is another one by now, or none, nothing is changed.
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
local size = redis.pcall('STRLEN', KEYS[1])
local fits = type(size) == 'number' and size <= tonumber(ARGV[2])
if (fits and redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
