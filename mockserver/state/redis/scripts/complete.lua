-- The text of an entry whose response has been sent, or is about to be.
local number, generation, session, call, left, id, text, bound = unpack(ARGV)
if meta('generation') ~= generation or redis.call('HEXISTS', ENTRIES, number) == 0 then return 0 end
redis.call('HSET', ENTRIES, number, text)
redis.call('ZADD', key('jc'), tick(), number)
finish_call(session, call, id, left, bound)
return 1
