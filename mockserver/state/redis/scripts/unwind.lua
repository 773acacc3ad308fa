-- The clock of a session, or everybody's and that of each (''), set back.
local session = ARGV[1]
local names = session == '' and redis.call('ZRANGE', SESSIONS, 0, -1) or {session}
if session == '' then redis.call('HDEL', META, 'ahead') end
for _, name in ipairs(names) do
  redis.call('HDEL', key('s', name), 'ahead')
  if redis.call('EXISTS', key('s', name)) == 0 then redis.call('ZREM', SESSIONS, name) end
end
return 1
