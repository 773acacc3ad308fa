-- What a client made of an answer.
if redis.call('HEXISTS', ENTRIES, ARGV[1]) == 0 then return 0 end
redis.call('HSET', ENTRIES, ARGV[1] .. 't', ARGV[2])
redis.call('ZADD', key('jc'), tick(), ARGV[1])
return 1
