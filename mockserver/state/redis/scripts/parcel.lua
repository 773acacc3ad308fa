-- The text of the scenario of a session, or of the server ('').
if ARGV[1] == '' then return {meta('scenario'), meta('parcel')} end
return redis.call('HMGET', key('s', ARGV[1]), 'scenario', 'parcel')
