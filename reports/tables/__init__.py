"""The numbers of the board: which runs stand on it, their scores, ranks and cells."""
