"""Which attention at equal cache? Small experiments with seeds and intervals, which can be stopped at any moment.

    python -m course_lib experiment equal-cache --preset cpu

A sweep is a folder. `job` names each run by a hash of all that its result depends on, `run` carries one out,
`catalogue` says which runs an experiment consists of, `scheduler` hands them to processes, and `report` makes tables
and pictures of the folder alone. The extra `experiments` installs the packages that are needed.
"""
