-- The journal of a session, or the whole (''), forgotten; numbers begin anew where there is a nonce.
local session, nonce, limit = unpack(ARGV)
local function calls(name)
  for _, digest in ipairs(redis.call('HKEYS', key('c', name))) do
    redis.call('ZREM', key('co'), digest .. ' ' .. name)
  end
  redis.call('DEL', key('c', name))
end
if session == '' then
  for _, call in ipairs(redis.call('ZRANGE', key('co'), 0, -1)) do
    redis.call('DEL', key('c', string.match(call, '^%S+ (.*)$')))
  end
  redis.call('DEL', key('co'), key('j'), ENTRIES, key('jc'))
  redis.call('HDEL', META, 'dropped')
  if nonce ~= '' then redis.call('HSET', META, 'count', 0, 'generation', nonce) end
  return 1
end
calls(session)
trim(tonumber(limit), 0)
for _, number in ipairs(redis.call('ZRANGE', key('j'), 0, -1)) do
  if redis.call('HGET', ENTRIES, number .. 's') == session then
    redis.call('ZREM', key('j'), number)
    redis.call('ZREM', key('jc'), number)
    redis.call('HDEL', ENTRIES, fields(number))
  end
end
return 1
