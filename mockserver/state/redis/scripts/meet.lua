-- All that an answer to a session's request depends on.
local session = ARGV[1]
local own = redis.call('HMGET', key('s', session), 'version', 'data', 'scenario', 'job', 'attempt', 'ahead')
for index = 1, 6 do own[index] = own[index] or '' end
local server = redis.call('HMGET', META, 'epoch', 'version', 'scenario', 'played', 'ahead', 'file_bytes')
local general, mine, files, all = key('w'), key('w', session), key('f', session), key('fs')
-- Mostly nothing waits, and nobody has files.
if redis.call('EXISTS', general, mine, files, all) == 0 then return {server, own, {}, {}, {}, 0} end
return {
  server,
  own,
  redis.call('LRANGE', general, 0, -1),
  redis.call('LRANGE', mine, 0, -1),
  redis.call('HVALS', files),
  redis.call('HLEN', all),
}
