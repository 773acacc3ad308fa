-- All that an answer to a session's request depends on.
local session = ARGV[1]
local own = redis.call('HMGET', key('s', session), 'version', 'data', 'scenario', 'job', 'attempt', 'ahead')
for index = 1, 6 do own[index] = own[index] or '' end
return {
  redis.call('HMGET', META, 'epoch', 'version', 'scenario', 'played', 'ahead', 'file_bytes'),
  own,
  redis.call('LRANGE', key('w'), 0, -1),
  redis.call('LRANGE', key('w', session), 0, -1),
  redis.call('HVALS', key('f', session)),
  redis.call('HLEN', key('fs')),
}
