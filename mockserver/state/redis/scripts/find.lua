-- A picture by its SHA-256, or by the beginning of its digest: its type and bytes, or whether it was dropped.
local by, value = unpack(ARGV)
local digest
if by == 'sha256' then digest = redis.call('HGET', key('ps'), value)
elseif value ~= '' then
  digest = redis.call('ZRANGEBYLEX', key('pn'), '[' .. value, '[' .. value .. '\255', 'LIMIT', 0, 1)[1]
end
if not digest then return {redis.call('ZSCORE', key('pg'), value) and 1 or 0} end
local kind = string.match(redis.call('HGET', key('pk'), digest), '^%S+ (.*)$')
return {0, kind, redis.call('HGET', key('pd'), digest)}
