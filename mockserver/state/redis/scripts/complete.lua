-- An entry whose answer has left, as far as it will, in second `at` ('-': its client did not wait for it); its text may
-- say so already ('').
local number, generation, session, call, at, id, text, bound = unpack(ARGV)
if not added[number] and (meta('generation') ~= generation or redis.call('HEXISTS', ENTRIES, number) == 0) then
  return 0
end
if text ~= '' then
  redis.call('HSET', ENTRIES, number, text)
  redis.call('ZADD', key('jc'), tick(), number)
end
redis.call('HSET', key('c', session), call, id .. ' ' .. at)
last(key('co'), call .. ' ' .. session, tonumber(bound), function(oldest)
  local digest, name = string.match(oldest, '^(%S+) (.*)$')
  redis.call('HDEL', key('c', name), digest)
end)
return 1
