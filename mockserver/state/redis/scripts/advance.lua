-- The clock of a session, or everybody's (''), moved on by so many seconds.
local session, seconds, bound = unpack(ARGV)
if session == '' then return redis.call('HINCRBYFLOAT', META, 'ahead', seconds) end
touch(session, tonumber(bound))
return redis.call('HINCRBYFLOAT', key('s', session), 'ahead', seconds)
