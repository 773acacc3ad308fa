-- The bytes of files of a session.
return redis.call('HMGET', key('fd', ARGV[1]), unpack(ARGV, 2))
