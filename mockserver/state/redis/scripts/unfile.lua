-- A file of a session forgotten, or all of one session, or all ('').
local session, id = unpack(ARGV)
local function drop(name, one)
  local length = redis.call('HSTRLEN', key('fd', name), one)
  if redis.call('HDEL', key('f', name), one) == 0 then return end
  redis.call('HDEL', key('fd', name), one)
  redis.call('HINCRBY', META, 'file_bytes', -length)
  redis.call('HINCRBY', key('fs'), name, -length)
  if redis.call('EXISTS', key('f', name)) == 0 then redis.call('HDEL', key('fs'), name) end
end
for _, name in ipairs(session == '' and redis.call('HKEYS', key('fs')) or {session}) do
  for _, one in ipairs(id and {id} or redis.call('HKEYS', key('f', name))) do drop(name, one) end
end
return 1
