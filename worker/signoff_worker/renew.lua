-- Prolong a worker's lease, unless it ran out and its jobs were given to others.
--
-- KEYS[1]  sorted set  leases: worker token by expiry
-- ARGV[1]  the token   ARGV[2]  seconds from now
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
return redis.call('ZADD', KEYS[1], 'XX', 'CH', now + tonumber(ARGV[2]), ARGV[1])
