-- The numbers of all entries, and those entries which changed since a revision.
local since = meta('epoch') == ARGV[1] and tonumber(ARGV[2]) or 0
local changed = {}
for _, number in ipairs(redis.call('ZRANGEBYSCORE', key('jc'), '(' .. since, '+inf')) do
  local text, again, _, told = unpack(redis.call('HMGET', ENTRIES, fields(number)))
  changed[#changed + 1] = {number, text, again, told or ''}
end
return {redis.call('HMGET', META, 'epoch', 'revision', 'dropped'), redis.call('ZRANGE', key('j'), 0, -1), changed}
