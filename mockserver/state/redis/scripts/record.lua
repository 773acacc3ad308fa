-- What one request leaves behind: images, uploads and its journal entry. False, and nothing is changed, if an image
-- was sent without its bytes and is not held.
local number, generation, session, call, at, repeats, text, limit, more = unpack(ARGV, 1, 9)
local left, id, calls, upload, about, data, bytes, remembered, removed = unpack(ARGV, 10, 18)
local first = 19 + tonumber(removed)
for index = first, #ARGV, 4 do
  if ARGV[index + 3] == '' and redis.call('HEXISTS', key('pd'), ARGV[index]) == 0 then return false end
end

local function drop_oldest_image()
  local oldest = redis.call('ZPOPMIN', key('po'))[1]
  local sha256 = string.match(redis.call('HGET', key('pk'), oldest), '^%S+')
  redis.call('HINCRBY', META, 'picture_bytes', -redis.call('HSTRLEN', key('pd'), oldest))
  redis.call('HDEL', key('pd'), oldest)
  redis.call('HDEL', key('pk'), oldest)
  redis.call('HDEL', key('ps'), sha256)
  redis.call('ZREM', key('pn'), oldest)
  redis.call('ZADD', key('pg'), tick(), sha256)
  if redis.call('ZCARD', key('pg')) > tonumber(remembered) then redis.call('ZPOPMIN', key('pg')) end
end

for index = first, #ARGV, 4 do
  local digest, sha256, kind, content = unpack(ARGV, index, index + 3)
  if content ~= '' and redis.call('HSETNX', key('pd'), digest, content) == 1 then
    redis.call('HSET', key('pk'), digest, sha256 .. ' ' .. kind)
    redis.call('HSET', key('ps'), sha256, digest)
    redis.call('ZADD', key('pn'), 0, digest)
    redis.call('HINCRBY', META, 'picture_bytes', #content)
  end
  redis.call('ZADD', key('po'), tick(), digest)
end
while (tonumber(meta('picture_bytes')) or 0) > tonumber(bytes) do drop_oldest_image() end

for index = 19, first - 1 do remove_upload(session, ARGV[index]) end
if upload ~= '' then
  redis.call('HSET', key('f', session), upload, tick() .. ' ' .. about)
  redis.call('HSET', key('fd', session), upload, data)
  redis.call('HINCRBY', key('fs'), session, #data)
  redis.call('HINCRBY', META, 'file_bytes', #data)
end

-- The journal was restarted after this entry was numbered.
if meta('generation') ~= generation then return {'', ''} end
local waited = ''
if repeats == '' then
  local before, ended = string.match(redis.call('HGET', key('c', session), call) or '', '^(%S+) (%S+)$')
  if before and ended == '-' then repeats = before
  elseif before and tonumber(ended) <= tonumber(at) then
    repeats, waited = before, string.format('%.3f', tonumber(at) - tonumber(ended))
  end
end
local own, again, whose = fields(number)
redis.call('ZADD', key('j'), number, number)
redis.call('HSET', ENTRIES, own, text, again, repeats .. ' ' .. waited, whose, session)
redis.call('ZADD', key('jc'), tick(), number)
-- Many at a time: each exceeds the limit, and is shown to nobody, before it is removed.
trim(tonumber(limit), tonumber(more))
if left ~= '' then finish_call(session, call, id, left, calls) end
return {repeats, waited}
