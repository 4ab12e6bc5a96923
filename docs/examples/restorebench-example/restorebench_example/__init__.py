"""A method, a task and a metric for restorebench, from outside its repository."""
