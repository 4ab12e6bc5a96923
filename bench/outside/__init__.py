"""Pictures restored by other programs: their inputs, what is wrong with what comes back, their rows on the board."""
