-- How many jobs are in each place, at one moment. A script and no MULTI: a full Redis takes none.
--
-- KEYS[1]  list        the queue
-- KEYS[2]  sorted set  RQ's started registry
-- KEYS[3]  sorted set  RQ's scheduled registry
-- KEYS[4]  sorted set  RQ's failed registry
-- KEYS[5]  set         ids of jobs whose hash was gone
return {
    redis.call('LLEN', KEYS[1]),
    redis.call('ZCARD', KEYS[2]),
    redis.call('ZCARD', KEYS[3]),
    redis.call('ZCARD', KEYS[4]),
    redis.call('SCARD', KEYS[5]),
}
