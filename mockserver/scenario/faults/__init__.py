"""What can be done to an answer on purpose: functions from plan to plan, in one table. They send nothing."""
