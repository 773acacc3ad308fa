-- Runs scripts in turn, each given by its name, the number of its words, and these.
local answers, at = {}, 1
while ARGV[at] do
  local words, from = {}, at + 1
  for index = 1, tonumber(ARGV[from]) do words[index] = ARGV[from + index] end
  local answer = scripts[ARGV[at]](words)
  if not answer then break end
  answers[#answers + 1] = answer
  at = from + #words + 1
end
return answers
