-- An entry of the journal, with what it repeats; nothing where the journal began anew since its number was given.
local number, generation, session, call, at, repeats, text = unpack(ARGV, 1, 7)
local limit = tonumber(ARGV[8])
if meta('generation') ~= generation then return {'', ''} end
local waited = ''
if repeats == '' then
  local before, left = string.match(redis.call('HGET', key('c', session), call) or '', '^(%S+) (%S+)$')
  if before and left == '-' then repeats = before
  elseif before and tonumber(left) <= tonumber(at) then
    repeats, waited = before, string.format('%.3f', tonumber(at) - tonumber(left))
  end
end
local own, again, whose = fields(number)
redis.call('ZADD', key('j'), number, number)
redis.call('HSET', ENTRIES, own, text, again, repeats .. ' ' .. waited, whose, session)
redis.call('ZADD', key('jc'), redis.call('HINCRBY', META, 'revision', 1), number)
while redis.call('ZCARD', key('j')) > limit do
  local oldest = redis.call('ZPOPMIN', key('j'))[1]
  redis.call('HDEL', ENTRIES, fields(oldest))
  redis.call('ZREM', key('jc'), oldest)
  redis.call('HINCRBY', META, 'dropped', 1)
end
return {repeats, waited}
