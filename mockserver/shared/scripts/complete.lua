-- An entry whose answer has left, as far as it will, in second `at` ('-': its client did not wait for it).
local number, generation, session, call, at, id, text, bound = unpack(ARGV)
if meta('generation') ~= generation or redis.call('HEXISTS', key('je'), number) == 0 then return 0 end
redis.call('HSET', key('je'), number, text)
redis.call('ZADD', key('jc'), redis.call('HINCRBY', META, 'revision', 1), number)
redis.call('HSET', key('c', session), call, id .. ' ' .. at)
redis.call('ZADD', key('co'), tick(), call .. ' ' .. session)
while redis.call('ZCARD', key('co')) > tonumber(bound) do
  local digest, name = string.match(redis.call('ZPOPMIN', key('co'))[1], '^(%S+) (.*)$')
  redis.call('HDEL', key('c', name), digest)
end
return 1
