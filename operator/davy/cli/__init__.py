"""The commands `davy` and `kubectl-davy`: a file per command, one that draws.

Belongs here: arguments, calls into the rooms below, tables and trees for a person, JSON and YAML
for a program.

Never here: a rule. What a command would decide, the engine decides; rendering only shows.
"""
