"""How alike two policies are where their bits differ, and how far one rounding carries two runs apart."""
