-- One turn, if all is still as it was when it was decided. Asked twice with the same token, it is taken once.
local session, token, version, played, data, job, attempt = unpack(ARGV, 1, 7)
local sessions, jobs, general, own = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local known = redis.call('GET', key('t', token))
if known then return {1, tonumber(known), meta('generation')} end
local counts, order, place = key('a', session), key('ao', session), key('s', session)
local before = job == '' and '0' or redis.call('HGET', counts, job) or '0'
local held, generation = unpack(redis.call('HMGET', META, 'version', 'generation'))
local same = (held or '') == version and (redis.call('HGET', place, 'version') or '') == played
if not same or before ~= attempt then return {0, before, same and 1 or 0} end
touch(session, sessions)
if job ~= '' then
  attempt = redis.call('HINCRBY', counts, job, 1)
  last(order, job, jobs, function(oldest) redis.call('HDEL', counts, oldest) end)
end
redis.call('HSET', place, 'version', token, 'data', data, 'job', job, 'attempt', attempt)
-- The queues are written only where a step of theirs has answered: -1 says that nothing changed.
local at = 12
if general >= 0 then
  queue(key('w'), {unpack(ARGV, at, at + general - 1)}, 1)
  redis.call('HSET', META, 'version', token)
  at = at + general
end
if own >= 0 then queue(key('w', session), {unpack(ARGV, at, at + own - 1)}, 1) end
local number = redis.call('HINCRBY', META, 'count', 1)
redis.call('SET', key('t', token), number, 'EX', 60)
return {1, number, generation or ''}
