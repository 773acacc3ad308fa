-- Reset scenario position, clock, uploads and journal of one session, or of all ('').
local session, nonce, limit = unpack(ARGV)
for _, name in ipairs(session == '' and redis.call('ZRANGE', SESSIONS, 0, -1) or {session}) do
  redis.call('HDEL', key('s', name), 'ahead')
  forget(name)
end
for _, name in ipairs(session == '' and redis.call('HKEYS', key('fs')) or {session}) do
  for _, id in ipairs(redis.call('HKEYS', key('f', name))) do remove_upload(name, id) end
end
clear_journal(session, limit)
if session == '' then
  redis.call('DEL', key('w'))
  redis.call('HDEL', META, 'ahead')
  redis.call('HSET', META, 'version', nonce, 'count', 0, 'generation', nonce)
end
return 1
