"""What `sac why` finds and costs: each program prints a table of docs/why.md."""
