-- A server begins: its scenario is played unless the one of an earlier server with the same is under way.
local label, parcel, nonce, fresh = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if meta('epoch') == '' then redis.call('HSET', META, 'epoch', nonce, 'generation', nonce) end
if meta('scenario') == '' or (fresh == '1' and meta('origin') ~= label) then
  redis.call('HSET', META, 'scenario', label, 'parcel', parcel, 'origin', label, 'version', nonce, 'played', nonce)
end
return 1
