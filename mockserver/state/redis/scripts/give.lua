-- Add a step for the next request of one session, or of any (''). 0 if too many wait.
local session, nonce, step, bound, waiting = unpack(ARGV)
local steps = session == '' and key('w') or key('w', session)
if redis.call('LLEN', steps) >= tonumber(waiting) then return 0 end
redis.call('RPUSH', steps, step)
if session == '' then redis.call('HSET', META, 'version', nonce)
else
  redis.call('HSET', key('s', session), 'version', nonce)
  touch(session, tonumber(bound))
end
return 1
