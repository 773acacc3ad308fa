-- Keys, and what several scripts do. All lie below one prefix; two servers that share nothing take two databases.
local function key(...) return 'mockserver:' .. table.concat({...}, ':') end
local META, SESSIONS = key('meta'), key('sessions')

local function meta(name) return redis.call('HGET', META, name) or '' end

-- A number that grows with each use: the order in which things were touched.
local function tick() return redis.call('HINCRBY', META, 'tick', 1) end

local function touch(session, bound)
  redis.call('ZADD', SESSIONS, tick(), session)
  while redis.call('ZCARD', SESSIONS) > bound do
    local oldest = redis.call('ZPOPMIN', SESSIONS)[1]
    redis.call('DEL', key('s', oldest), key('a', oldest), key('ao', oldest), key('w', oldest))
  end
end

-- A session's own place, scenario and steps; how far its clock was moved on stays.
local function forget(session)
  redis.call('HDEL', key('s', session), 'version', 'data', 'scenario', 'parcel')
  redis.call('DEL', key('a', session), key('ao', session), key('w', session))
  if redis.call('EXISTS', key('s', session)) == 0 then redis.call('ZREM', SESSIONS, session) end
end

local function queue(name, items, from)
  redis.call('DEL', name)
  for index = from, #items do redis.call('RPUSH', name, items[index]) end
end

