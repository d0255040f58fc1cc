"""The parts of `lab bisect`: git's history, what is kept on disk, and the two ways in which a commit is marked."""
