-- The numbers of all entries, no more than a bound, and those entries which changed since a revision.
local since, limit = meta('epoch') == ARGV[1] and tonumber(ARGV[2]) or 0, tonumber(ARGV[3])
local changed = {}
for _, number in ipairs(redis.call('ZRANGEBYSCORE', key('jc'), '(' .. since, '+inf')) do
  local text, again, _, told = unpack(redis.call('HMGET', ENTRIES, fields(number)))
  changed[#changed + 1] = {number, text, again, told or ''}
end
local epoch, revision, dropped = unpack(redis.call('HMGET', META, 'epoch', 'tick', 'dropped'))
dropped = (tonumber(dropped) or 0) + math.max(0, redis.call('ZCARD', key('j')) - limit)
return {{epoch, revision, tostring(dropped)}, redis.call('ZRANGE', key('j'), -limit, -1), changed}
