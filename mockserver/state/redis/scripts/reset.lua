-- One session, or all (''), at the start of the server's scenario.
local session, nonce = unpack(ARGV)
if session ~= '' then
  forget(session)
  return 1
end
for _, name in ipairs(redis.call('ZRANGE', SESSIONS, 0, -1)) do forget(name) end
redis.call('DEL', key('w'))
redis.call('HSET', META, 'version', nonce)
return 1
