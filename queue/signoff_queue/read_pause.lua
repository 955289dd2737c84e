-- Read whether workers are paused; nothing is changed.
--
-- KEYS[1]  string, of any type where others wrote it   exists while workers are paused
--
-- ARGV[1]  the most bytes of it that are returned
--
-- Returns nil if they are not paused; else the value (empty if it is no string or too large), and the
-- milliseconds until it expires: -1 for never.
if redis.call('EXISTS', KEYS[1]) == 0 then
    return false
end
local size = redis.pcall('STRLEN', KEYS[1])
local fits = type(size) == 'number' and size <= tonumber(ARGV[1])
return {fits and redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1])}
