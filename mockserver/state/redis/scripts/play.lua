-- Another scenario or day: of all ('') or of one session.
local session, nonce, label, parcel, data, bound = unpack(ARGV)
if session == '' then
  redis.call('HSET', META, 'scenario', label, 'parcel', parcel, 'version', nonce, 'played', nonce)
  return 1
end
local place = key('s', session)
local kept = redis.call('HMGET', place, 'scenario', 'parcel')
forget(session)
redis.call('HSET', place, 'version', nonce, 'data', data)
if label ~= '' then redis.call('HSET', place, 'scenario', label, 'parcel', parcel)
elseif kept[1] then redis.call('HSET', place, 'scenario', kept[1], 'parcel', kept[2]) end
touch(session, tonumber(bound))
return 1
