"""Building blocks shared by the methods: plain networks and schedules that know nothing of the harness."""
