-- A step for the next request of a session, or of any ('').
local session, nonce, step, bound = unpack(ARGV)
if session == '' then
  redis.call('RPUSH', key('w'), step)
  redis.call('HSET', META, 'version', nonce)
else
  redis.call('RPUSH', key('w', session), step)
  redis.call('HSET', key('s', session), 'version', nonce)
  touch(session, tonumber(bound))
end
return 1
