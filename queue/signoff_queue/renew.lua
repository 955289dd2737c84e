-- Renew a worker's lease, unless it expired and its jobs were requeued.
--
-- KEYS[1]  sorted set  leases: worker token by expiry
-- ARGV[1]  the token   ARGV[2]  seconds from now
--
-- The first write removes something. A full Redis allows that, and then the other writes of the script too.
local refused = wrong_type({[KEYS[1]] = 'zset'})
if refused then
    return refused
end
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then
    return 0
end
return redis.call('ZADD', KEYS[1], clock() + tonumber(ARGV[2]), ARGV[1])
