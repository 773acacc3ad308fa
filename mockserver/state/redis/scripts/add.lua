-- An entry of the journal, with what it repeats; nothing where the journal began anew since its number was given.
local number, generation, session, call, at, repeats, text = unpack(ARGV, 1, 7)
if meta('generation') ~= generation then return {'', ''} end
local waited = ''
if repeats == '' then
  local before, left = string.match(redis.call('HGET', key('c', session), call) or '', '^(%S+) (%S+)$')
  if before and left == '-' then repeats = before
  elseif before and tonumber(left) <= tonumber(at) then
    repeats, waited = before, string.format('%.3f', tonumber(at) - tonumber(left))
  end
end
local own, again, whose = fields(number)
redis.call('ZADD', key('j'), number, number)
redis.call('HSET', ENTRIES, own, text, again, repeats .. ' ' .. waited, whose, session)
redis.call('ZADD', key('jc'), tick(), number)
added[number] = true
-- Many at a time: each is beyond the bound, and shown to nobody, before it is let go of.
trim(tonumber(ARGV[8]), tonumber(ARGV[9]))
return {repeats, waited}
