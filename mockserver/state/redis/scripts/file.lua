-- A file of a session kept: what is told of it, and its bytes.
local session, id, about, data = unpack(ARGV)
redis.call('HSET', key('f', session), id, tick() .. ' ' .. about)
redis.call('HSET', key('fd', session), id, data)
redis.call('HINCRBY', key('fs'), session, #data)
redis.call('HINCRBY', META, 'file_bytes', #data)
return 1
