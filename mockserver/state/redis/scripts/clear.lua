-- Forget the journal of one session, or of all ('').
clear_journal(ARGV[1], ARGV[2])
return 1
