-- How much there is, in items and bytes.
local limit = tonumber(ARGV[1])
local entries, uploads = redis.call('ZCARD', key('j')), 0
for _, name in ipairs(redis.call('HKEYS', key('fs'))) do uploads = uploads + redis.call('HLEN', key('f', name)) end
return {
  math.min(entries, limit),
  (tonumber(meta('dropped')) or 0) + math.max(0, entries - limit),
  redis.call('ZCARD', SESSIONS),
  uploads,
  tonumber(meta('file_bytes')) or 0,
  tonumber(meta('picture_bytes')) or 0,
}
