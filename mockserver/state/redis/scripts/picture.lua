-- A picture kept, or kept for longer; false asks for its bytes, which were left out because it was thought to be known.
local digest, sha256, kind, limit, remembered, data = unpack(ARGV)
local new = redis.call('HEXISTS', key('pd'), digest) == 0
if new then
  if not data then return false end
  redis.call('HSET', key('pd'), digest, data)
  redis.call('HSET', key('pk'), digest, sha256 .. ' ' .. kind)
  redis.call('HSET', key('ps'), sha256, digest)
  redis.call('ZADD', key('pn'), 0, digest)
  redis.call('HINCRBY', META, 'picture_bytes', #data)
end
redis.call('ZADD', key('po'), tick(), digest)
while new and tonumber(meta('picture_bytes')) > tonumber(limit) do
  local oldest = redis.call('ZPOPMIN', key('po'))[1]
  local gone = string.match(redis.call('HGET', key('pk'), oldest), '^%S+')
  redis.call('HINCRBY', META, 'picture_bytes', -redis.call('HSTRLEN', key('pd'), oldest))
  redis.call('HDEL', key('pd'), oldest)
  redis.call('HDEL', key('pk'), oldest)
  redis.call('HDEL', key('ps'), gone)
  redis.call('ZREM', key('pn'), oldest)
  redis.call('ZADD', key('pg'), tick(), gone)
  if redis.call('ZCARD', key('pg')) > tonumber(remembered) then redis.call('ZPOPMIN', key('pg')) end
end
return 1
