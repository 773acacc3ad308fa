-- Keys, and what several scripts do. All lie below one prefix; two servers that share nothing take two databases.
local function key(name, of) return 'mockserver:' .. name .. (of and ':' .. of or '') end
local META, SESSIONS = 'mockserver:meta', 'mockserver:sessions'

local function meta(name) return redis.call('HGET', META, name) or '' end

-- A number that grows from one run of scripts to the next: the order in which things were touched.
local ticked
local function tick()
  ticked = ticked or redis.call('HINCRBY', META, 'tick', 1)
  return ticked
end

-- Puts something at the end of an order; what is then at its beginning, beyond the bound, is let go.
local function last(order, name, bound, forget)
  if redis.call('ZADD', order, tick(), name) == 0 then return end
  while redis.call('ZCARD', order) > bound do forget(redis.call('ZPOPMIN', order)[1]) end
end

local function touch(session, bound)
  last(SESSIONS, session, bound, function(oldest)
    redis.call('DEL', key('s', oldest), key('a', oldest), key('ao', oldest), key('w', oldest))
  end)
end

-- What there is of an entry beside its text: what it repeats, its session, and what its client made of the answer.
local ENTRIES = 'mockserver:je'
local function fields(number) return number, number .. 'r', number .. 's', number .. 't' end

-- Entries beyond a bound and some more let go of, the oldest first.
local function trim(limit, more)
  local over = redis.call('ZCARD', key('j')) - limit
  if over <= more then return end
  local gone = redis.call('ZRANGE', key('j'), 0, over - 1)
  for _, oldest in ipairs(gone) do
    redis.call('HDEL', ENTRIES, fields(oldest))
    redis.call('ZREM', key('jc'), oldest)
  end
  redis.call('ZREMRANGEBYRANK', key('j'), 0, over - 1)
  redis.call('HINCRBY', META, 'dropped', over)
end

-- A response that has been sent, or that its client did not wait for ('-'), at second `left`.
local function finish_call(session, call, id, left, bound)
  redis.call('HSET', key('c', session), call, id .. ' ' .. left)
  last(key('co'), call .. ' ' .. session, tonumber(bound), function(oldest)
    local digest, name = string.match(oldest, '^(%S+) (.*)$')
    redis.call('HDEL', key('c', name), digest)
  end)
end

local function remove_upload(session, id)
  local length = redis.call('HSTRLEN', key('fd', session), id)
  if redis.call('HDEL', key('f', session), id) == 0 then return end
  redis.call('HDEL', key('fd', session), id)
  redis.call('HINCRBY', META, 'file_bytes', -length)
  redis.call('HINCRBY', key('fs'), session, -length)
  if redis.call('EXISTS', key('f', session)) == 0 then redis.call('HDEL', key('fs'), session) end
end

-- The entries and calls of one session, or of all ('').
local function clear_journal(session, limit)
  if session == '' then
    for _, call in ipairs(redis.call('ZRANGE', key('co'), 0, -1)) do
      redis.call('DEL', key('c', string.match(call, '^%S+ (.*)$')))
    end
    redis.call('DEL', key('co'), key('j'), ENTRIES, key('jc'))
    redis.call('HDEL', META, 'dropped')
    return
  end
  for _, digest in ipairs(redis.call('HKEYS', key('c', session))) do
    redis.call('ZREM', key('co'), digest .. ' ' .. session)
  end
  redis.call('DEL', key('c', session))
  trim(tonumber(limit), 0)
  for _, number in ipairs(redis.call('ZRANGE', key('j'), 0, -1)) do
    if redis.call('HGET', ENTRIES, number .. 's') == session then
      redis.call('ZREM', key('j'), number)
      redis.call('ZREM', key('jc'), number)
      redis.call('HDEL', ENTRIES, fields(number))
    end
  end
end

-- A session's own place, scenario and steps; how far its clock was moved on stays.
local function forget(session)
  redis.call('HDEL', key('s', session), 'version', 'data', 'scenario', 'parcel', 'job', 'attempt')
  redis.call('DEL', key('a', session), key('ao', session), key('w', session))
  if redis.call('EXISTS', key('s', session)) == 0 then redis.call('ZREM', SESSIONS, session) end
end

local function queue(name, items)
  redis.call('DEL', name)
  for _, item in ipairs(items) do redis.call('RPUSH', name, item) end
end

